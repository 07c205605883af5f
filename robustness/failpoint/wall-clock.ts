const RealDate = globalThis.Date

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

  /** The validity period for new certificates. It is in real time, because etcd checks it against its own clock. */
  get validity(): { readonly notBefore: Date; readonly notAfter: Date } {
    const day = 86_400_000
    return { notBefore: new RealDate(RealDate.now() - day / 24), notAfter: new RealDate(RealDate.now() + day) }
  }

  [Symbol.dispose](): void {
    globalThis.Date = RealDate
  }
}
