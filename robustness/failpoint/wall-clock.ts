const RealDate = globalThis.Date
const day = 86_400_000

interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** The wall clock of this process, which can be set. Timers and `performance.now()` are not affected. */
export class WallClock implements Disposable {
  #offsetMs = 0

  constructor() {
    const now = () => RealDate.now() + this.#offsetMs
    globalThis.Date = new Proxy(RealDate, {
      construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
      get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    })
  }

  step(ms: number): void {
    this.#offsetMs += ms
  }

  /** The validity period for new certificates. It is in real time, because TLS checks it against the real clock. */
  get validity(): Validity {
    return this.validityFrom(-day / 24)
  }

  /** Returns a validity period that starts after some time. */
  validityFrom(ms: number): Validity {
    const now = RealDate.now()
    return { notBefore: new RealDate(now + ms), notAfter: new RealDate(now + day) }
  }

  [Symbol.dispose](): void {
    globalThis.Date = RealDate
  }
}
