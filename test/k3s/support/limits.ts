/** Returns what a run with this environment does not test, and why: one sentence each. */
export function limits({ K3S_BINARY: binary, K3S_IMAGE: image }: NodeJS.ProcessEnv): string[] {
  if (binary === undefined || binary === '') {
    return image === undefined || image === '' ? [] : ['Other versions of K3s: K3S_IMAGE names those to test.']
  }
  return [
    'Other versions of K3s: K3S_BINARY is one version. Without it, the official images run in containers.',
    'Pods: the nodes in network namespaces have no container runtime, and servers there are no agents.',
  ]
}

/** Whether the nodes run Pods. Otherwise servers have `--disable-agent`, and agents a container runtime that never comes. */
export const haveContainers: boolean = !process.env['K3S_BINARY']
