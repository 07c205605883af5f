// Imports this package and does nothing with it.
import '../../dist/index.js'

console.log('[]')
