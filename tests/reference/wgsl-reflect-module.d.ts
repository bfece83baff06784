// Types of the ES module build of wgsl_reflect, the only one that Node can import; the package types its bare name alone.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export {
    ArrayInfo,
    FunctionInfo,
    MemberInfo,
    StructInfo,
    TypeInfo,
    VariableInfo,
    WgslReflect,
  } from 'wgsl_reflect/types/index.js'
}
