// What a test's first call would load, and its deadlines would have to allow for on a busy machine.
import '../../src/sources/certificates.ts'
import '../../src/sources/etcd/etcd-connection.ts'
import 'p-retry'
