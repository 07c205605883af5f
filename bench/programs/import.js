import '../../dist/index.js'

console.log('[]')
