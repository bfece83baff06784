// The version of this package, for whatever outlives a process and must not be read by another version.

/** That of package.json. */
export const version = '0.1.0'
