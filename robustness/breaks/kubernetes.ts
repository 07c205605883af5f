import type { Break } from './break.ts'

/** What only the campaign with the source `kubernetes` can find: its reasons have a table of causes. */
export const breaksOfKubernetes: readonly Break[] = [
  {
    what: 'a lost connection to an apiserver has a reason that nothing causes',
    file: 'sources/kubernetes/classify.ts',
    code: 'return new Failure(reason, message, { cause: error, retryForMs, isRefusedPort, hint: nodeHint })',
    broken: "return new Failure('no-leader', message, { cause: error, retryForMs, isRefusedPort })",
    violation: /which nothing in this campaign causes/,
    source: 'kubernetes',
  },
  {
    what: 'a lost connection to an apiserver counts as files that are missing',
    file: 'sources/kubernetes/classify.ts',
    code: 'return new Failure(reason, message, { cause: error, retryForMs, isRefusedPort, hint: nodeHint })',
    broken: "return new Failure('tls-files-missing', message, { cause: error, retryForMs: Infinity, isRefusedPort })",
    violation: /but no fault explains it|rejected without cause/,
    source: 'kubernetes',
  },
  {
    what: 'a list of the apiserver fails now and then',
    file: 'sources/kubernetes/kubernetes-connection.ts',
    code: '    if (!isComplete) throw',
    broken: '    if (!isComplete || this.#options.clock.random() < 0.3) throw',
    violation: /but no fault was active/,
    source: 'kubernetes',
  },
  {
    what: 'an endpoint that is not ready counts',
    file: 'sources/kubernetes/endpoint-slices.ts',
    code: "['ready'] !== false",
    broken: "['ready'] !== 'never'",
    violation: /but the result is|was emitted after/,
    source: 'kubernetes',
  },
  {
    what: 'the second slice of the Service does not count',
    file: 'sources/kubernetes/endpoint-slices.ts',
    code: '[...slices].flatMap(',
    broken: "[...slices].filter(({ name }) => name !== 'kubernetes-2').flatMap(",
    violation: /but the result is|was emitted after|never in that state/,
    source: 'kubernetes',
  },
]
