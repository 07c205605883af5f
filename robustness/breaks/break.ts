/** One deliberate break of the library. The campaign must find it. */
export interface Break {
  /** What the library then does wrong. */
  readonly what: string
  readonly file: string
  /** The code that is replaced. It occurs once in the file. */
  readonly code: string
  readonly broken: string
  /** The violation that must be found. */
  readonly violation: RegExp
  readonly source?: 'kubernetes'
}
