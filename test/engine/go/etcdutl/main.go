package main

import (
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/etcdutl/v3/etcdutl"
)

// The commands of etcdutl cannot be imported as a whole. Tests need one of them.
func main() {
	command := &cobra.Command{Use: "etcdutl"}
	command.PersistentFlags().StringVarP(&etcdutl.OutputFormat, "write-out", "w", "simple", "output format")
	command.AddCommand(etcdutl.NewSnapshotCommand())
	if command.Execute() != nil {
		os.Exit(1)
	}
}
