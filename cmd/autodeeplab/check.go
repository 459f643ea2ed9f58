package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
)

func newCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check NET.onnx...",
		Short: "Check networks, and list what is wrong with them",
		Long: `check loads each network, infers the type and shape of every value, and prints what is wrong, one
line each. It finds what ONNX's own checker finds and what else breaks engines. It exits with 1 if
there is anything, with 0 if there is not.`,
		Example: `  autodeeplab check net.onnx
  autodeeplab check *.onnx && echo all good`,
		Args: arguments(1, -1, "one or more networks"),
		RunE: func(cmd *cobra.Command, args []string) error {
			total := 0
			for _, path := range args {
				m, err := onnx.Load(path, onnx.LoadOptions{})
				if err != nil {
					if len(args) == 1 {
						return err
					}
					total++
					a.printf("%s\n", err.Error())
					continue
				}
				findings := check.Model(m, check.Options{})
				total += len(findings)
				for _, f := range findings {
					a.printf("%s: %s\n", path, f.String())
				}
				if len(findings) == 0 {
					a.printf("%s: no findings (%d nodes, ai.onnx %d)\n", path, len(m.GetGraph().GetNode()), onnx.Opset(m))
				}
			}
			switch total {
			case 0:
				return nil
			case 1:
				return fmt.Errorf("1 finding")
			}
			return fmt.Errorf("%d findings", total)
		},
	}
}
