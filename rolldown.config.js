// The build makes few files, because Node needs half a millisecond to load each.
export default {
  input: ['src/index.ts', 'src/cli.ts'],
  platform: 'node',
  external: ['p-retry', 'pino'],
  output: {
    dir: 'dist',
    cleanDir: true,
    comments: false,
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: [
        {
          // One file for what several parts use. It imports no module of Node, because these take milliseconds to load.
          name: 'shared',
          test: /src\/(rke2|errors|addresses\/(host-port|endpoint)|util\/(abort|lookup|observe|server-identity|text)|sources\/(failure|reasons)|sources\/etcd\/(classify|late)|call\/describe)\.ts$/,
        },
      ],
    },
  },
}
