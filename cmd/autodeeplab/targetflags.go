package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/compile/target"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// targetFlags say which engine a network is compiled for.
type targetFlags struct {
	target, triton string
}

func (t *targetFlags) add(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&t.target, "target", "", "write what an engine lists: "+orList(target.Names())+" (all of them)")
	f.StringVar(&t.triton, "triton", "", "also put the network into this model repository of Triton Inference Server")
	nameArguments(f, "target", "NAME", "triton", "DIR")
	completeWith(cmd, "target", target.Names())
}

// payingPasses are the opt-in passes that pay on a target.
var payingPasses = map[string][]string{"onnxruntime": {"upsampled-conv", "channels-last-labels"}}

// prepare checks the flags, and chooses of the forms that are left open those that the target takes.
func (t *targetFlags) prepare(d *compile.DeployOptions, p *precisionFlags, form compile.Form) error {
	if t.target == "" {
		return nil
	}
	tables, err := target.Tables(t.target)
	if err != nil {
		return usagef("--target: %w", err)
	}
	if form != compile.InferenceForm {
		return nil
	}
	for _, p := range payingPasses[t.target] {
		if !slices.Contains(d.Passes.Skip, p) && !slices.Contains(d.Passes.With, p) {
			d.Passes.With = append(d.Passes.With, p)
		}
	}
	for _, table := range tables {
		if d.Output == compile.OutputLabels && d.LabelType == 0 && !table.Takes(tensor.Uint8) {
			d.LabelType = tensor.Int32
		}
		if p.precision == precision.Int8.String() && table.Symmetric() {
			p.symmetric = true
		}
	}
	return nil
}

// prepareFor also brings a network that is there to an operator set that the target takes, where no flag says which.
func (t *targetFlags) prepareFor(m *onnx.Model, d *compile.DeployOptions) {
	tables, err := target.Tables(t.target)
	if t.target == "" || err != nil || d.Opset != 0 {
		return
	}
	have := onnx.Opset(m)
	opset := have
	for _, table := range tables {
		opset = min(max(opset, table.Low), table.High)
	}
	if opset != have {
		d.Opset = opset
	}
}

// check refuses a network that the target does not take, with the first reason.
func (t *targetFlags) check(m *onnx.Model) error {
	if t.target == "" {
		return nil
	}
	list, err := violations(m, t.target)
	if err != nil || len(list) == 0 {
		return err
	}
	more := ""
	if n := len(list) - 1; n > 0 {
		more = fmt.Sprintf("; %d more, which autodeeplab check --target %s lists for a network compiled without --target", n, t.target)
	}
	return fmt.Errorf("--target %s: %s%s", t.target, list[0].String(), more)
}

func violations(m *onnx.Model, name string) ([]target.Violation, error) {
	tables, err := target.Tables(name)
	if err != nil {
		return nil, usagef("--target: %w", err)
	}
	return target.Check(m, tables)
}

// finish writes the model repository and says how TensorRT builds its engine. name is what the model is called there.
func (t *targetFlags) finish(a *app, m *onnx.Model, file, name string, external onnx.External) error {
	plan := strings.TrimSuffix(file, filepath.Ext(file)) + ".plan"
	if t.triton != "" {
		d, err := target.WriteTriton(t.triton, name, t.target, m, onnx.SaveOptions{External: external})
		if err != nil {
			return fmt.Errorf("--triton: %w", err)
		}
		a.printf("%s: version %s of a model repository\n", d.Dir, d.Version)
		file, plan = d.Model, d.Plan
	}
	if t.target != "tensorrt" {
		return nil
	}
	line, err := target.TrtExec(m, file, plan)
	if err != nil {
		return err
	}
	a.printf("%s\n", line)
	return nil
}

// repositoryName is what a network is called in a model repository: as the file, else as what it is made of.
func repositoryName(out string, args []string) string {
	name := out
	if name == "" && len(args) > 0 {
		name = args[0]
	}
	name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	if name == "" || name == "." {
		name = "autodeeplab"
	}
	return name
}
