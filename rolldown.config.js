// What the library is made of: few files, since each that Node has to load takes half a millisecond.
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
          name: 'shared',
          test: /src\/(rke2|errors|addresses\/host-port|util\/(server-identity|text|abort)|sources\/reasons)\.ts$/,
        },
      ],
    },
  },
}
