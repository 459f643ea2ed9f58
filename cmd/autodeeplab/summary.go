package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
)

func newSummaryCommand(a *app) *cobra.Command {
	n := networkFlags{input: sizeFlag{1024, 2048}}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "summary [ARCH.json|NET.onnx]",
		Short: "Count a network's parameters, multiply-adds and activations, layer by layer",
		Long: `summary counts a network, layer by layer: an .onnx as it is, or what compile would make of an
architecture (where none is named, of the published one) with the same flags.

Parameters are kernels, biases, and the scale and shift of batch normalisation; moving statistics are
not counted. Multiply-adds are those of convolutions and matrix products, padding included, nothing else.
Activations are all tensors that a layer's nodes make, though few of them are ever held at once.`,
		Example: `  autodeeplab summary --size L --input-size 1024x2048
  autodeeplab summary net.onnx --json`,
		Args: arguments(0, 1, "at most one architecture or network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := n.model(cmd, args)
			if err != nil {
				return err
			}
			var inputs map[string]op.Info
			if len(args) == 1 && isModel(args[0]) && cmd.Flags().Changed("input-size") {
				if inputs, err = n.sizes(m); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			s, err := compile.Summarize(m, inputs)
			if err != nil {
				if len(args) == 1 {
					err = fmt.Errorf("%s: %w", args[0], err)
				}
				return err
			}
			if !asJSON {
				return s.WriteTable(a.stdout)
			}
			text, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				return err
			}
			a.printf("%s\n", text)
			return nil
		},
	}
	n.add(cmd, cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// model is the network to count: the file's own, or the training form of an architecture.
func (n *networkFlags) model(cmd *cobra.Command, args []string) (*onnx.Model, error) {
	if len(args) == 1 && isModel(args[0]) {
		return onnx.Load(args[0], onnx.LoadOptions{})
	}
	arch, err := readArchitecture(args)
	if err != nil {
		return nil, err
	}
	o, err := n.options(cmd)
	if err != nil {
		return nil, err
	}
	if o.Height == 0 || o.Batch == 0 {
		return nil, usagef("summary needs sizes: --input-size HxW and --batch N")
	}
	return compile.Compile(arch, o)
}

// sizes gives the flags' sizes to the dynamic axes of a model's picture input.
func (n *networkFlags) sizes(m *onnx.Model) (map[string]op.Info, error) {
	in := m.GetGraph().GetInput()
	if len(in) == 0 {
		return nil, errors.New("the model has no input")
	}
	declared, err := check.Declared(in[0])
	if err != nil {
		return nil, fmt.Errorf("graph input %w", err)
	}
	given := op.Of(declared.DType, max(int(n.batch), 1), 3, n.input.height, n.input.width)
	for i, d := range declared.Dims {
		if len(declared.Dims) != 4 || d.IsKnown() && d != given.Dims[i] {
			return nil, fmt.Errorf("its input is %s, which --input-size %s cannot change (compile sets it)", declared.String(), n.input.String())
		}
	}
	return map[string]op.Info{in[0].GetName(): given}, nil
}
