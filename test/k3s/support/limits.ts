/** Returns what a run with this environment does not test, and why: one sentence each. */
export function limits({ K3S_BINARY: binary, K3S_IMAGE: image }: NodeJS.ProcessEnv): string[] {
  if (binary === undefined || binary === '') {
    return image === undefined || image === '' ? [] : ['Other versions of K3s: K3S_IMAGE names those to test.']
  }
  return [
    'Other versions of K3s: K3S_BINARY is one version. Without it, the official images run in containers.',
    'The default files of the source kubernetes on servers: a server in a network namespace runs without an agent, ' +
      'so the files of kube-proxy in its folder server/tls are given as tls.',
    'Pods: the nodes in network namespaces have no container runtime.',
  ]
}

/** Whether the servers are also agents, and so have the default files of the source kubernetes. */
export const serversAreAgents: boolean = !process.env['K3S_BINARY']
