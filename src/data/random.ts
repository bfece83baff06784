// The random generator of the floor below, under the name that data sets know it by.

export { hashKey, mix32, Random } from '../siamrpn/random.ts'
