// An application as a user of this package writes it, and bundles it.
import { resolveApiserverAddresses, watchApiserverAddresses } from 'rke2-apiserver-resolver'

const print = ({ addresses }) => console.log(addresses.join())

async function main(command, options) {
  if (command === 'resolve') return print(await resolveApiserverAddresses(options))
  for await (const change of watchApiserverAddresses(options)) print(change)
}

main(process.argv[2], JSON.parse(process.argv[3])).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
