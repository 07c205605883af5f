import fc from 'fast-check'

// Loaded before each test file: a run of the tests gives the same result every time. FUZZ_SEED chooses another seed.
fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 1) })
