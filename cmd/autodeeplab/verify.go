package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxgo"
	"autodeeplab/verify"
)

type verifyOptions struct {
	verify.Options
	against, engine, by, match string
	input                      sizeFlag
	shapes                     []string
	data                       dataFlags
	split                      string
	loss                       float64
	threads                    int
	recursive, json, anyNames  bool
}

func newVerifyCommand(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify NET.onnx [PICTURE...] --against ENGINE | OTHER.onnx",
		Short: "Compare a network on two engines, or two networks, and find the node where they part",
		Long: `verify runs a network on two engines, or two networks on one, and compares what comes out: numbers, relative
to their range, and the label of each pixel. It exits with 1 if they differ by more than the tolerances.

--against names an engine or another network. For "` + runtime.Embedded.Name() + `" the network runs on the embedded engine as it does
otherwise and, to be compared with, node by node on one thread; --engine says what runs it otherwise. Where the
two give different things (logits and labels, another output stride, float and int8), their labels are compared.

--layers compares all inner values, too, node by node in the order in which they are computed, and stops at the
first that differs: node, operator, shapes, errors and where the largest is. An engine that is not the embedded
one is given the inner values as outputs of a copy of the network in memory, which may keep it from fusing nodes.

Both get the pictures (files or folders) as run gives them; without pictures, numbers made from --seed. With
--data the two are evaluated on labelled pictures, as eval does, and their mIoU is compared.`,
		Example: `  autodeeplab verify net.onnx --against onnxruntime --layers
  autodeeplab verify net.onnx photos/ --against onnxruntime --tolerance 1e-4
  autodeeplab verify int8.onnx --against net.onnx --data camvid/ --miou-loss 0.5
  autodeeplab verify model.onnx --against onnxruntime --shape ids=1x128 --shape mask=1x128 --json`,
		Args: arguments(1, -1, "a network, and pictures or folders or none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), args[0], args[1:], &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.against, "against", "", "what to compare with: "+orList(againstNames())+", or another .onnx")
	f.StringVar(&o.engine, "engine", engines[0].name, "what runs the network: "+orList(engineNames()))
	f.BoolVar(&o.Layers, "layers", false, "compare all inner values, too, and stop at the first node that differs")
	f.BoolVar(&o.All, "all", false, "with --layers, go on after it, and list all nodes that differ")
	f.BoolVar(&o.Unfused, "unfused", false, "have the embedded engine compute every node by itself, so that all inner values are seen")
	f.StringVar(&o.match, "match", verify.MatchNames[0], "pair inner values of two networks by "+orList(verify.MatchNames)+" (their operators)")
	f.StringVar(&o.by, "by", verify.LevelNames[0], "compare the outputs' values or labels: "+orList(verify.LevelNames))
	f.Float64Var(&o.Tolerance, "tolerance", 0, fmt.Sprintf("largest error allowed, as a share of the range (default %g, float16 %g, int8 %g)",
		verify.DefaultTolerance, verify.DefaultToleranceHalf, verify.DefaultToleranceInt8))
	f.Float64Var(&o.Agreement, "label-agreement", verify.DefaultAgreement, "least share of pixels that must get the same label, where labels are compared")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the input where no picture is given")
	f.Var(&o.input, "input-size", "height and width of the seeded input of a network of dynamic size")
	f.StringArrayVar(&o.shapes, "shape", nil, "shape of a seeded input, as images=1x3x513x513; may be given several times")
	f.IntVar(&o.MaxSide, "max-side", 0, "longest side in pixels that a network with a dynamic input gets, 0 for no limit")
	f.BoolVar(&o.recursive, "recursive", false, "look into the subfolders of folders, too")
	o.data.add(cmd, f)
	f.StringVar(&o.split, "split", splits[0].name, "part of the data: "+orList(splitNames()))
	f.Float64Var(&o.loss, "miou-loss", verify.DefaultLoss, "with --data, points of mIoU by which the network may be worse than the other one")
	f.BoolVar(&o.anyNames, "any-class-names", false, "with --data, take the networks' classes for the data's, whatever they are called")
	f.IntVar(&o.threads, "threads", 0, "threads to run on, 0 for all")
	f.BoolVar(&o.json, "json", false, "print a report as JSON")
	nameArguments(f, "against", "WHAT", "engine", "NAME", "match", "HOW", "by", "LEVEL", "tolerance", "X", "label-agreement", "X", "seed", "N",
		"shape", "NAME=SHAPE", "max-side", "N", "split", "NAME", "miou-loss", "X", "threads", "N")
	completeWith(cmd, "engine", engineNames())
	completeWith(cmd, "match", verify.MatchNames)
	completeWith(cmd, "by", verify.LevelNames)
	completeWith(cmd, "split", splitNames())
	return cmd
}

// againstNames are the engines that --against knows.
func againstNames() []string { return append(engineNames(), onnxgo.Name) }

func (o *verifyOptions) check(pictures []string) error {
	switch {
	case o.against == "":
		return usagef("verify needs something to compare with: --against %s, or another .onnx", orList(againstNames()))
	case o.threads < 0:
		return usagef("--threads %d: want 0 (all) or more", o.threads)
	case o.MaxSide < 0:
		return usagef("--max-side %d: want 0 (no limit) or more", o.MaxSide)
	case !(o.Tolerance >= 0):
		return usagef("--tolerance %g: want 0 (by precision) or more", o.Tolerance)
	case !(o.Agreement > 0 && o.Agreement <= 1):
		return usagef("--label-agreement %g: want more than 0, at most 1", o.Agreement)
	case !o.Layers && (o.All || o.Unfused):
		return usagef("--all and --unfused are for --layers")
	case len(pictures) > 0 && (len(o.shapes) > 0 || o.input.height > 0):
		return usagef("--shape and --input-size are for seeded inputs; pictures have a size (--max-side)")
	case o.data.folder != "" && (len(pictures) > 0 || o.Layers):
		return usagef("--data evaluates the labelled pictures alone: no other pictures, no --layers")
	}
	level, match := slices.Index(verify.LevelNames, o.by), slices.Index(verify.MatchNames, o.match)
	switch {
	case level < 0:
		return usagef("--by %s: want %s", o.by, orList(verify.LevelNames))
	case match < 0:
		return usagef("--match %s: want %s", o.match, orList(verify.MatchNames))
	}
	o.Level, o.Match, o.Height, o.Width = verify.Level(level), verify.Match(match), o.input.height, o.input.width
	o.Shapes = make(map[string][]int)
	for _, text := range o.shapes {
		name, shape, err := parseShape(text)
		if err != nil {
			return err
		}
		o.Shapes[name] = shape
	}
	return nil
}

// parseShape reads "name=1x3x5"; "name=" is a scalar.
func parseShape(text string) (string, []int, error) {
	bad := usagef("--shape %s: want an input's name and its shape, as images=1x3x513x513", text)
	i := strings.LastIndex(text, "=")
	if i < 1 {
		return "", nil, bad
	}
	shape := []int{}
	if text[i+1:] != "" {
		for _, word := range strings.Split(text[i+1:], "x") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 0 || n > 1<<30 {
				return "", nil, bad
			}
			shape = append(shape, n)
		}
	}
	return text[:i], shape, nil
}

// sides loads what is compared.
func (o *verifyOptions) sides(a *app, path string) (subject, reference *verify.Side, err error) {
	e, err := openEngine(o.engine)
	if err != nil {
		return nil, nil, err
	}
	m, err := a.load(path)
	if err != nil {
		return nil, nil, err
	}
	run := a.limits.Engine(o.threads)
	subject = &verify.Side{Name: e.Name(), Model: m, Engine: e, Options: run}
	reference = &verify.Side{Name: o.against, Model: m, Engine: e, Options: run}
	switch {
	case o.against == onnxgo.Name:
		if o.Layers {
			return nil, nil, usagef("--layers: onnx-go gives outputs only; want --against %s, or another .onnx", orList(engineNames()))
		}
		reference.Engine = onnxgo.Engine
	case slices.Contains(engineNames(), o.against):
		if o.against == o.engine && o.against != runtime.Embedded.Name() {
			return nil, nil, usagef("--against %s: the network would be compared with itself; --engine says what else runs it", o.against)
		}
		if reference.Engine, err = openEngine(o.against); err != nil {
			return nil, nil, fmt.Errorf("--against: %w", err)
		}
		if o.against == o.engine {
			reference.Name, reference.Options = "the same, node by node on one thread", a.limits.Engine(1)
			reference.Options.Unfused = true
		}
	case isModel(o.against):
		if reference.Model, err = a.load(o.against); err != nil {
			return nil, nil, fmt.Errorf("--against: %w", err)
		}
		subject.Name = path
	default:
		return nil, nil, usagef("--against %s: want %s, or another .onnx", o.against, orList(againstNames()))
	}
	return subject, reference, nil
}

func (a *app) verify(ctx context.Context, path string, pictures []string, o *verifyOptions) error {
	if err := o.check(pictures); err != nil {
		return err
	}
	if len(pictures) > 0 {
		jobs, err := collect(pictures, "", o.recursive)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			o.Pictures = append(o.Pictures, verify.Picture{Name: j.photo, Load: func() (*imageio.Picture, error) {
				return imageio.ReadFile(j.photo, a.limits.Pixels())
			}})
		}
	}
	subject, reference, err := o.sides(a, path)
	if err != nil {
		return err
	}
	if o.data.folder != "" {
		return a.verifyData(ctx, path, subject, reference, o)
	}
	r, err := verify.Run(ctx, subject, reference, o.Options)
	switch {
	case errors.Is(err, verify.ErrOptions):
		return usageError{fmt.Errorf("%s: %w", path, err)}
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	if o.json {
		text, err := jsonText(r)
		if err != nil {
			return err
		}
		a.stdout.Write(text)
	} else {
		a.printVerification(path, r)
	}
	return verdict(path, r)
}

// verdict is the error that a difference is.
func verdict(path string, r *verify.Report) error {
	switch {
	case r.Agree:
		return nil
	case r.Layers != nil && len(r.Layers.Different) > 0:
		n := r.Layers.Different[0]
		return fmt.Errorf("%s: %s and %s differ from node %q (%s) on", path, r.Subject, r.Reference, n.Name, n.Op)
	}
	return fmt.Errorf("%s: %s and %s differ", path, r.Subject, r.Reference)
}

func (a *app) verifyData(ctx context.Context, path string, subject, reference *verify.Side, o *verifyOptions) error {
	e := evalOptions{data: o.data, split: o.split}
	set, samples, err := e.samples()
	if err != nil {
		return err
	}
	for _, s := range []struct {
		file string
		side *verify.Side
	}{{path, subject}, {o.against, reference}} {
		metadata := onnx.Metadata(s.side.Model)
		names, _, err := compile.Classes(metadata)
		if err == nil {
			err = matchClasses(s.file, metadata, 0, names, set, o.anyNames)
		}
		if err != nil {
			return err
		}
	}
	bar := a.progress(len(samples), "evaluating")
	r, err := verify.Data(ctx, subject, reference, set, samples, evaluate.Options{Overlap: 0.25, MaxSums: a.limits.Averages(), Threads: o.threads, Progress: func(done, _ int) {
		if bar != nil {
			_ = bar.Set(done)
		}
	}}, o.loss)
	clearBar(bar)
	if err != nil {
		return err
	}
	if o.json {
		text, err := jsonText(r)
		if err != nil {
			return err
		}
		a.stdout.Write(text)
	} else {
		a.printf("%d pictures of %s: mIoU %.2f %% (%s), %.2f %% (%s), %+.2f points\n", r.Images, filepath.Clean(o.data.folder),
			100*r.SubjectMIoU, subject.Name, 100*r.ReferenceMIoU, reference.Name, -r.Loss)
		a.printLabels(r.Labels)
	}
	if !r.Agree {
		return fmt.Errorf("%s: it loses %.2f points of mIoU, at most %g are allowed (--miou-loss)", path, r.Loss, r.Allowed)
	}
	return nil
}

// printVerification prints a report.
func (a *app) printVerification(path string, r *verify.Report) {
	a.printf("%s: %s against %s\n", path, r.Subject, r.Reference)
	const most = 3
	for _, in := range r.Inputs[:min(most, len(r.Inputs))] {
		a.printf("  given %s\n", in)
	}
	if more := len(r.Inputs) - most; more > 0 {
		a.printf("  and %d more\n", more)
	}
	if r.Reason != "" {
		a.printf("labels are compared: %s\n", r.Reason)
	}
	for _, o := range r.Outputs {
		name := o.Name
		if o.Partner != "" {
			name += " / " + o.Partner
		}
		a.printf("output %s %s: %s%s%s\n", name, o.Difference.Shape, o.Difference.Words(), ofSample(o.Sample, r), tooMuch(o.Agree))
	}
	if r.Labels != nil {
		a.printLabels(r.Labels)
	}
	if r.Layers != nil {
		a.printLayers(r)
	}
	if r.Agree {
		a.printf("they agree\n")
	}
}

func tooMuch(agree bool) string {
	if agree {
		return ""
	}
	return " ← too much"
}

// ofSample names a sample where there are several.
func ofSample(name string, r *verify.Report) string {
	if len(r.Inputs) < 2 {
		return ""
	}
	return " (" + name + ")"
}

func (a *app) printLabels(l *verify.LabelReport) {
	a.printf("labels: %.4f %% of %d pixels are the same, mIoU of one against the other %.2f %%", 100*l.Agreement, l.Pixels, 100*float64(l.MIoU))
	if c := l.Confused; c != nil {
		a.printf("; most often %d for %d, in %d pixels", c.Have, c.Want, c.Pixels)
	}
	a.printf("\n")
}

func (a *app) printLayers(r *verify.Report) {
	l := r.Layers
	a.printf("inner values: %d compared", l.Compared)
	if l.Hidden > 0 {
		a.printf(", %d not seen, which an engine computes along with others (--unfused)", l.Hidden)
	}
	if l.Alone > 0 {
		a.printf(", %d without a partner", l.Alone)
	}
	if n := l.Largest; n != nil && len(l.Different) == 0 {
		a.printf("; the largest difference is %.3g of the range, at %s (%s)", float64(n.Difference.Relative), n.Name, n.Op)
	}
	a.printf("\n")
	for i, n := range l.Different {
		if i == 0 {
			a.printNode(n, r)
			continue
		}
		a.printf("  then %s (%s), value %s: %s\n", n.Name, n.Op, n.Value, n.Difference.Words())
	}
}

func (a *app) printNode(n verify.Node, r *verify.Report) {
	a.printf("the first node that differs is %s (%s), %d of %d%s\n", n.Name, n.Op, n.Place, n.Nodes, ofSample(n.Sample, r))
	value := n.Value
	if n.Partner != "" {
		value += " / " + n.Partner
	}
	a.printf("  value       %s %s\n", value, n.Difference.Shape)
	for i, in := range n.Inputs {
		label := ""
		if i == 0 {
			label = "of"
		}
		a.printf("  %-11s %s\n", label, in)
	}
	if len(n.Attributes) > 0 {
		a.printf("  attributes  %s\n", strings.Join(n.Attributes, ", "))
	}
	if len(n.Together) > 0 {
		a.printf("  together    with %s: by themselves these do not differ\n", strings.Join(n.Together, ", "))
	}
	d := n.Difference
	if !d.Compatible() {
		a.printf("  difference  it is %s, not %s\n", d.Shape, d.WantShape)
		return
	}
	a.printf("  max error   %.6g at %s: %.9g (%s), %.9g (%s)\n", float64(d.MaxError), tensor.FormatShape(d.At), float64(d.Have), r.Subject, float64(d.Want), r.Reference)
	a.printf("  mean error  %.6g, %d of %d differ\n", float64(d.MeanError), d.Different, d.Elements)
	a.printf("  relative    %.3g of the range %.6g, at most %g is allowed (--tolerance)\n", float64(d.Relative), float64(d.Range), r.Tolerance)
	if n.Born || n.InputsRelative > 0 {
		a.printf("  inputs      differ by at most %.3g of their ranges\n", float64(n.InputsRelative))
	}
}
