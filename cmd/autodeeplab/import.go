package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights"
	"autodeeplab/weights/checkpoint"
)

// maxFoundFilters bounds the width that is taken from a checkpoint: the paper's widest network has 48 filters, and a
// file's word alone is not to cost gigabytes.
const maxFoundFilters = 128

type importOptions struct {
	networkFlags
	out, arch, names               string
	list, dryRun, average, differs bool
	allowMissing, allowUnused      []string
	seed                           uint64
	opset                          int
}

func newImportCommand(a *app) *cobra.Command {
	o := importOptions{networkFlags: networkFlags{input: sizeFlag{513, 513}}}
	cmd := &cobra.Command{
		Use:   "import CHECKPOINT [--arch ARCHITECTURE.json | NET.onnx] -o NET.onnx",
		Short: "Make a network of weights that were trained elsewhere",
		Long: `import writes the training form of an architecture with the weights of a checkpoint: of TensorFlow (its
prefix, as model.ckpt-90000, one of its files or its folder), PyTorch (.pth; its pickle is parsed, never
executed), safetensors, or NumPy (.npz). compile makes the inference form of what import writes.

A map says which tensor of the checkpoint is which of the network's. Built in, and found by the names, are
` + mapList() + `--map names a file with another; its format is in the documentation of the package weights.

Every tensor of the network must be in the checkpoint, and every one of the checkpoint's in the network, or
known to be none of its weights (slots of an optimiser, counters). --dry-run lists what goes where, what
does not and why, and writes nothing. Width and number of classes are the checkpoint's unless given.

Names and shapes do not tell all: which states a cell's branches read, pools and the path's moves leave
no trace in them. The architecture must be the one that was trained.`,
		Example: `  autodeeplab import model.ckpt-90000 --dry-run
  autodeeplab import model.ckpt-90000 --dataset cityscapes --input-size 1025x2049 -o train.onnx
  autodeeplab import weights.npz --arch found.json --allow-missing "logits/*" --classes 2 -o train.onnx
  autodeeplab import strange.pth --list`,
		Args: arguments(1, 1, "one checkpoint"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, a, args[0]) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the .onnx file to write")
	f.StringVar(&o.arch, "arch", "", "the architecture, .json or .onnx (default the published one)")
	f.StringVar(&o.names, "map", "", "the map of names: a built-in one by its name, or a file")
	f.BoolVar(&o.dryRun, "dry-run", false, "list what goes where, and write nothing")
	f.BoolVar(&o.list, "list", false, "list the checkpoint's tensors, and nothing else")
	f.StringArrayVar(&o.allowMissing, "allow-missing", nil, "let these of the network's tensors keep initial values, as \"logits/*\"; may be repeated")
	f.StringArrayVar(&o.allowUnused, "allow-unused", nil, "let these of the checkpoint's tensors be left over; may be repeated")
	f.BoolVar(&o.average, "exponential-moving-average", false, "take the moving averages of the weights")
	f.BoolVar(&o.differs, "allow-differences", false, "take weights of a network that computes something else, to train on")
	o.add(cmd, f)
	f.Lookup("size").Usage = "width of the network: S, M or L of the paper (default the checkpoint's)"
	f.Lookup("size").DefValue = ""
	f.Lookup("dataset").Usage = "take the classes from " + orList(dataset.Names())
	f.Lookup("classes").Usage = "number of classes (default those of --dataset, else the checkpoint's)"
	f.Uint64Var(&o.seed, "seed", 1, "seed of the initial values that --allow-missing keeps")
	f.IntVar(&o.opset, "opset", compile.DefaultOpset, fmt.Sprintf("version of the ai.onnx operator set to write, %d to %d", compile.OldestOpset, op.NewestOpset))
	nameArguments(f, "output", "FILE", "arch", "FILE", "map", "MAP", "allow-missing", "PATTERN", "allow-unused", "PATTERN", "seed", "N", "opset", "N")
	return cmd
}

// mapList is a line of help for each built-in map.
func mapList() string {
	var b strings.Builder
	for _, m := range weights.Maps() {
		fmt.Fprintf(&b, "  %-15s %s\n", m.Name, m.About)
	}
	return b.String()
}

func (o *importOptions) run(cmd *cobra.Command, a *app, path string) error {
	if !o.list && !o.dryRun {
		if err := checkOutput(cmd, o.out); err != nil {
			return err
		}
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if o.list {
		a.stdout.Write(listCheckpoint(f))
		return nil
	}
	m, plan, err := o.plan(a, cmd, path, f)
	if err != nil {
		return err
	}
	if o.dryRun {
		a.stdout.Write(describePlan(plan))
	}
	if err := plan.Err(); err != nil {
		return fmt.Errorf("%s: %w%s", path, err, o.hint())
	}
	if o.dryRun {
		return nil
	}
	if d := plan.Map.Differs; len(d) > 0 && !o.differs {
		return fmt.Errorf("%s: the network of these weights (map %s) computes something else than the one here: %s. "+
			"They can be where training starts, which --allow-differences makes them", path, plan.Map.Name, strings.Join(d, "; "))
	}
	loaded, err := plan.Load()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := compile.SetWeights(m, loaded); err != nil {
		return err
	}
	if err := onnx.Save(o.out, m, onnx.SaveOptions{}); err != nil {
		return err
	}
	a.printf("%s: %s\n", o.out, describe(m))
	a.printf("%s\n", sumUp(plan))
	return nil
}

// hint names the flags that help where a checkpoint does not fit.
func (o *importOptions) hint() string {
	if o.dryRun {
		return ""
	}
	return " (--dry-run lists all; --map, --allow-missing and --allow-unused change it)"
}

// plan makes the network and finds its weights.
func (o *importOptions) plan(a *app, cmd *cobra.Command, path string, f *checkpoint.File) (*onnx.Model, *weights.Plan, error) {
	names, err := o.readMap(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	var from []string
	if o.arch != "" {
		from = append(from, o.arch)
	}
	arch, err := a.readArchitecture(from)
	if err != nil {
		return nil, nil, err
	}
	options, err := o.options(cmd)
	if err != nil {
		return nil, nil, err
	}
	match := weights.Options{Map: names, Average: o.average, AllowMissing: o.allowMissing, AllowUnused: o.allowUnused}
	filters, classes, err := weights.Sizes(arch, f, match)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if filters > 0 && !cmd.Flags().Changed("size") && !cmd.Flags().Changed("filters") {
		if filters > maxFoundFilters {
			return nil, nil, fmt.Errorf("%s: a network of %d filters, which is to be confirmed (--filters %d)", path, filters, filters)
		}
		options.Filters = filters
	}
	if classes > 0 && !cmd.Flags().Changed("classes") && o.dataset == "" {
		options.Classes = classes
	}
	options.Form, options.Seed, options.Opset = compile.TrainingForm, o.seed, o.opset
	m, err := compile.Compile(arch, options)
	if err != nil {
		return nil, nil, err
	}
	p, err := weights.Match(m, f, match)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, p, nil
}

// readMap gives the map that --map names, else the one that fits.
func (o *importOptions) readMap(f *checkpoint.File) (*weights.Map, error) {
	if o.names == "" {
		return weights.Choose(f)
	}
	for _, m := range weights.Maps() {
		if m.Name == o.names {
			return m, nil
		}
	}
	file, err := os.Open(o.names)
	if err != nil {
		return nil, fmt.Errorf("--map: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, weights.MaxMapBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--map: %w", err)
	}
	m, err := weights.ParseMap(strings.TrimSuffix(filepath.Base(o.names), filepath.Ext(o.names)), text)
	if err != nil {
		return nil, fmt.Errorf("--map %s: %w", o.names, err)
	}
	return m, nil
}

// listCheckpoint is a table of a checkpoint's tensors.
func listCheckpoint(f *checkpoint.File) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "tensor\ttype\tshape")
	for i := range f.Tensors {
		t := &f.Tensors[i]
		fmt.Fprintf(w, "%s\t%s\t%s\n", onnx.Printable(t.Name), onnx.Printable(t.Type), tensor.FormatShape(t.Shape))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "\n%d tensors, %s\n", len(f.Tensors), f.Format)
	return trimLines(b.Bytes())
}

// describePlan is what --dry-run prints.
func describePlan(p *weights.Plan) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "network\tshape\tcheckpoint\tshape\t")
	for i := range p.Rows {
		r := &p.Rows[i]
		from, shapes, how := "–", "", r.How
		if len(r.From) > 0 {
			var names, sizes []string
			for _, t := range r.From {
				names, sizes = append(names, onnx.Printable(t.Name)), append(sizes, tensor.FormatShape(t.Shape))
			}
			from, shapes = strings.Join(names, ", "), strings.Join(sizes, ", ")
		}
		if r.Problem != "" {
			how = "NOT FOUND: " + onnx.Printable(r.Problem)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, tensor.FormatShape(r.Shape), from, shapes, onnx.Printable(how))
	}
	if len(p.Left) > 0 {
		fmt.Fprintln(w, "\nnot in the network\tshape\twhy\t\t")
	}
	for _, l := range p.Left {
		reason := l.Reason
		if l.Problem {
			reason = "LEFT OVER: " + reason
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\t\n", onnx.Printable(l.Tensor.Name), tensor.FormatShape(l.Tensor.Shape), onnx.Printable(reason))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "\n%s\n", sumUp(p))
	for _, d := range p.Map.Differs {
		fmt.Fprintf(&b, "differs: %s\n", onnx.Printable(d))
	}
	return trimLines(b.Bytes())
}

// sumUp counts what a plan does.
func sumUp(p *weights.Plan) string {
	found, kept, missing, left, over := 0, 0, 0, 0, 0
	for i := range p.Rows {
		switch r := &p.Rows[i]; {
		case r.Problem != "":
			missing++
		case r.Kept():
			kept++
		default:
			found++
		}
	}
	for _, l := range p.Left {
		if l.Problem {
			over++
		} else {
			left++
		}
	}
	text := fmt.Sprintf("map %s: %d of %d tensors found", p.Map.Name, found, len(p.Rows))
	for _, part := range []struct {
		n    int
		what string
	}{{kept, "keep initial values"}, {missing, "missing"}, {left, "of the checkpoint left out"}, {over, "of the checkpoint left over"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}
