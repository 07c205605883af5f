/** Returns a value as an object whose properties are unknown; an empty one for any other value. */
export const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** The properties of an object that are not `undefined`. */
type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** Returns a copy of an object without the properties that are `undefined`. */
export const withoutUndefined = <T extends object>(object: T): Defined<T> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
