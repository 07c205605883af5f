// The program to which import.js is compared.
import './empty-module.js'

console.log('[]')
