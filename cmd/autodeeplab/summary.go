package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
)

func newSummaryCommand(a *app) *cobra.Command {
	n := networkFlags{input: sizeFlag{1024, 2048}}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "summary [ARCHITECTURE.json | NET.onnx]",
		Short: "Count a network's parameters, multiply-adds and activations, layer by layer",
		Long: `summary counts a network, layer by layer: an .onnx as it is, or what compile would make of an
architecture with the same flags. Where nothing is named, it is the published architecture. An .onnx of
dynamic sizes needs --input-size.

Parameters are kernels, biases, and the scale and shift of batch normalisation; moving statistics are
not counted. Multiply-adds are those of convolutions and matrix products, padding included, nothing else.
Activations are all tensors that a layer's nodes make, though few of them are ever held at once.`,
		Example: `  autodeeplab summary --size L --input-size 1024x2048
  autodeeplab summary net.onnx --json`,
		Args: arguments(0, 1, "at most one architecture or network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := n.model(a, cmd, args)
			if err != nil {
				return err
			}
			var inputs map[string]op.Info
			if len(args) == 1 && isModel(args[0]) {
				if inputs, err = n.sizes(cmd, m); err != nil {
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
			text, err := jsonText(s)
			if err != nil {
				return err
			}
			a.stdout.Write(text)
			return nil
		},
	}
	n.add(cmd, cmd.Flags())
	cmd.Flags().Lookup("input-size").Usage = "input in pixels, height first; of an .onnx, for its dynamic axes"
	cmd.Flags().Lookup("batch").Usage = "pictures at a time; of an .onnx, for its dynamic axis"
	cmd.Flags().Lookup("dataset").Usage = "take the number of classes from " + orList(dataset.Names())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// model is the network to count: the file's own, or the training form of an architecture.
func (n *networkFlags) model(a *app, cmd *cobra.Command, args []string) (*onnx.Model, error) {
	if len(args) == 1 && isModel(args[0]) {
		for _, name := range []string{"size", "filters", "classes", "dataset"} {
			if cmd.Flags().Changed(name) {
				return nil, usagef("--%s is for an architecture, but %s is a network, which is counted as it is", name, args[0])
			}
		}
		return a.load(args[0])
	}
	arch, err := a.readArchitecture(args)
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

// sizes gives the sizes of the flags that are set to the dynamic axes of a model's picture input; nil where none is set.
func (n *networkFlags) sizes(cmd *cobra.Command, m *onnx.Model) (map[string]op.Info, error) {
	sized, counted := cmd.Flags().Changed("input-size"), cmd.Flags().Changed("batch")
	if !sized && !counted {
		return nil, nil
	}
	if sized && n.input.height == 0 || n.batch == 0 {
		return nil, usagef("summary needs sizes: --input-size HxW and --batch N")
	}
	in := m.GetGraph().GetInput()
	if len(in) == 0 {
		return nil, errors.New("the model has no input")
	}
	declared, err := check.Declared(in[0])
	if err != nil {
		return nil, fmt.Errorf("graph input %w", err)
	}
	if len(declared.Dims) != 4 {
		return nil, fmt.Errorf("its input is %s, but --input-size and --batch are for pictures float[N,3,H,W]", declared.String())
	}
	for _, f := range []struct {
		flag       string
		set        bool
		axis, size int
	}{{"batch", true, 0, int(n.batch)}, {"input-size", sized, 2, n.input.height}, {"input-size", sized, 3, n.input.width}} {
		switch d := declared.Dims[f.axis]; {
		case !d.IsKnown() && f.set:
			declared.Dims[f.axis] = op.Known(f.size)
		case cmd.Flags().Changed(f.flag) && d.Size != f.size:
			return nil, fmt.Errorf("its input is %s, which --%s cannot change (compile sets it)", declared.String(), f.flag)
		}
	}
	return map[string]op.Info{in[0].GetName(): declared}, nil
}
