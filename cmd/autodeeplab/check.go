package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"autodeeplab/compile/target"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
)

func newCheckCommand(a *app) *cobra.Command {
	var targetName string
	cmd := &cobra.Command{
		Use:   "check NET.onnx...",
		Short: "Check networks, and list what is wrong with them",
		Long: `check loads each network, infers the type and shape of every value, and prints what is wrong, one
line each. It finds what ONNX's own checker finds and what else breaks engines. It exits with 1 if
there is anything, with 0 if there is not.

With --target it also lists what the engine's own table of operators, attributes and types does not have,
and which flag of compile gives another form.`,
		Example: `  autodeeplab check net.onnx
  autodeeplab check --target tensorrt net.onnx
  autodeeplab check *.onnx && echo all good`,
		Args: arguments(1, -1, "one or more networks"),
		RunE: func(cmd *cobra.Command, args []string) error {
			total := 0
			if targetName != "" {
				if _, err := target.Tables(targetName); err != nil {
					return usagef("--target: %w", err)
				}
			}
			for _, path := range args {
				m, err := a.load(path)
				if err != nil {
					if len(args) == 1 {
						return err
					}
					total++
					a.printf("%s\n", err.Error())
					continue
				}
				findings := check.Model(m, check.Options{Limits: a.limits.Tensors()})
				total += len(findings)
				for _, f := range findings {
					a.printf("%s: %s\n", path, f.String())
				}
				if targetName != "" {
					list, err := violations(m, targetName)
					if err != nil && len(findings) == 0 {
						return fmt.Errorf("%s: %w", path, err)
					}
					for _, v := range list {
						a.printf("%s: %s\n", path, v.String())
					}
					total += len(list)
					if len(list) > 0 {
						continue
					}
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
	f := cmd.Flags()
	f.StringVar(&targetName, "target", "", "also check against what "+orList(target.Names())+" (all of them) takes")
	nameArguments(f, "target", "NAME")
	completeWith(cmd, "target", target.Names())
	return cmd
}
