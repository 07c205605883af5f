import './nothing.js'

console.log('[]')
