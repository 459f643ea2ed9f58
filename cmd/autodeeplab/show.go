package main

import (
	"github.com/spf13/cobra"

	"autodeeplab/onnx"
)

func newShowCommand(a *app) *cobra.Command {
	var o onnx.TextOptions
	cmd := &cobra.Command{
		Use:   "show NET.onnx",
		Short: "Print a network in ONNX's text form",
		Long: `show prints a network in ONNX's textual syntax, one node a line. Large tensors are abbreviated to
their range and checksum; --full writes every number, in which form ONNX's own parser reads it back.
Characters of names that do not print (line breaks, escape sequences) are shown as \n or \x1b.`,
		Example: `  autodeeplab show net.onnx | less
  autodeeplab show net.onnx --full > net.txt`,
		Args: arguments(1, 1, "one network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.load(args[0])
			if err != nil {
				return err
			}
			o.Escape = true
			return onnx.Format(a.stdout, m, o)
		},
	}
	cmd.Flags().BoolVar(&o.Full, "full", false, "write every element of every tensor")
	return cmd
}
