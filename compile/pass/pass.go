// Package pass holds the rewrites of ONNX graphs: one file a pass, and the table of them that a driver runs in order. A
// pass changes a graph in place, keeps its inputs, outputs and metadata, and leaves it correct: whatever passes are
// chosen from the table, the checker must find nothing after each.
//
// A pass may change what the network computes by rounding only: by no more than 1e-5 of the values' range. One that
// would change more, or that pays on some engines only, is opt-in.
package pass

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"autodeeplab/onnx"
)

// Pass is one rewrite.
type Pass struct {
	Name string
	// Doc says in a line what it does.
	Doc string
	// Run rewrites g. opset is the version of ai.onnx that the model imports. It returns an error only for a graph that
	// it cannot read (a weight whose data are broken, an operator that is not known); what it cannot improve it leaves
	// alone.
	Run func(g *Graph, opset int) error
	// Required passes make the inference form, which is defined by them; they cannot be left out.
	Required bool
	// OptIn is why the pass does not run unless it is asked for; "" for one that runs.
	OptIn string
	// After lists the passes that must stand before this one, each with the reason.
	After []Order
}

// Order is a constraint between two passes. It binds where both run.
type Order struct{ Pass, Reason string }

// All is the table of passes, in the order in which they run.
var All = []Pass{
	{Name: "fold-batchnorm", Doc: "merge BatchNormalization into the convolution before it", Run: foldBatchNorm, Required: true},
	{Name: "remove-identity", Doc: "let the readers of an Identity read its input", Run: removeIdentity, Required: true},
	{Name: "fold-constants", Doc: "compute small values that depend on constants alone", Run: foldConstants},
	{Name: "shape-constants", Doc: "write sizes as constants where they are fixed", Run: shapeConstants, After: []Order{
		{"fold-constants", "what is constant anyway is no question of shapes"},
	}},
	{Name: "stride-sampling", Doc: "pick rows and columns where a resize only does that", Run: strideSampling, After: []Order{
		{"shape-constants", "it needs the sizes as constants"},
	}},
	{Name: "pooled-bias", Doc: "add what a 1×1 convolution makes of a spread-out pixel as a bias", Run: pooledBias, After: []Order{
		{"fold-batchnorm", "the Add behind the convolution would keep the normalisation from being folded"},
	}},
	{Name: "upsampled-conv", Doc: "multiply before an enlargement what a 3×3 convolution multiplies behind it", Run: upsampledConv,
		OptIn: "ONNX Runtime takes a third of the time for an enlargement by 4 and its convolution; the embedded runtime takes longer",
		After: []Order{
			{"fold-batchnorm", "the Add behind the convolution would keep the normalisation from being folded"},
			{"shape-constants", "it needs the sizes as constants"},
		}},
	{Name: "integer-resize", Doc: "resize by a whole factor and crop, in place of align_corners", Run: integerResize,
		OptIn: "it makes a graph for engines without align_corners; ONNX Runtime takes 1.2 to 1.3 times as long for the resizes",
		After: []Order{
			{"shape-constants", "it needs the sizes as constants"},
			{"stride-sampling", "a resize that only samples is cheaper as that"},
			{"upsampled-conv", "it looks for enlargements with align_corners"},
		}},
	{Name: "fold-normalization", Doc: "merge the scaling of the input into the first convolution", Run: foldNormalization, After: []Order{
		{"fold-batchnorm", "both rewrite the convolution's weights; the folded ones are those to scale"},
		{"fold-constants", "mean and scale may be Constant nodes or computed from some"},
	}},
	{Name: "channels-last-labels", Doc: "resize with channels last where only the arg-max is wanted", Run: channelsLastLabels,
		OptIn: "ONNX Runtime takes a third of the time for the resize and the arg-max; the embedded runtime takes longer",
		After: []Order{{"shape-constants", "constant sizes are permuted here, computed ones by another node"}}},
	{Name: "relu-before-concat", Doc: "take the Relu of a concatenation's parts in place of the whole's", Run: reluBeforeConcat, After: []Order{
		{"stride-sampling", "a sampled concatenation is read by a Slice, which a Relu may pass"},
		{"upsampled-conv", "it splits concatenations of parts that are no Relus"},
	}},
	{Name: "common-subexpressions", Doc: "compute once what several nodes compute alike", Run: commonSubexpressions, After: []Order{
		{"shape-constants", "equal sizes are found as equal constants"},
		{"stride-sampling", "resizes to different names of one size become equal samplings"},
		{"relu-before-concat", "it takes the Relu of parts that are read under one already"},
	}},
	{Name: "remove-dead", Doc: "take out what no output depends on", Run: removeDead, Required: true, After: []Order{
		{"fold-batchnorm", "it leaves the statistics and the unfolded weights behind"},
		{"remove-identity", "it may leave nodes behind that nothing reads"},
		{"shape-constants", "it leaves the arithmetic behind"},
		{"pooled-bias", "it leaves the spread-out pixel behind"},
		{"upsampled-conv", "it leaves the enlarged map behind"},
		{"common-subexpressions", "it leaves constants behind that nothing reads"},
	}},
}

func init() {
	if err := Verify(All); err != nil {
		panic(err) // a defect of the table, which no caller can meet: every choice from it keeps its order
	}
}

// Inference is the part of the table that makes the inference form of a training form.
var Inference = filter(func(p Pass) bool { return p.Required })

// Default is the part of the table that runs where nothing else is asked for.
var Default = filter(func(p Pass) bool { return p.OptIn == "" })

func filter(keep func(Pass) bool) []Pass {
	return slices.DeleteFunc(slices.Clone(All), func(p Pass) bool { return !keep(p) })
}

// ErrSelection is wrapped by the errors of Select.
var ErrSelection = errors.New("cannot choose passes")

// Select gives Default without the passes of skip and with the opt-in ones of with. The errors, for names that are not
// in the table and for required passes in skip, say what there is.
func Select(skip, with []string) ([]Pass, error) {
	for _, list := range [][]string{skip, with} {
		for _, name := range list {
			if !slices.ContainsFunc(All, func(p Pass) bool { return p.Name == name }) {
				return nil, fmt.Errorf("%w: there is no pass %q, want one of %s", ErrSelection, name, Names(func(Pass) bool { return true }))
			}
		}
	}
	for _, p := range All {
		if p.Required && slices.Contains(skip, p.Name) {
			return nil, fmt.Errorf("%w: the inference form needs %s; those that can be left out are %s", ErrSelection, p.Name, Names(func(p Pass) bool { return !p.Required }))
		}
		if slices.Contains(skip, p.Name) && slices.Contains(with, p.Name) {
			return nil, fmt.Errorf("%w: %s is asked for and ruled out", ErrSelection, p.Name)
		}
	}
	return filter(func(p Pass) bool {
		return (p.OptIn == "" || slices.Contains(with, p.Name)) && !slices.Contains(skip, p.Name)
	}), nil
}

// Names lists the passes of the table that keep takes, as a text.
func Names(keep func(Pass) bool) string {
	var names []string
	for _, p := range filter(keep) {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// Run applies the passes of a table to m, in place. after, if not nil, is called with each pass's name and the model as
// that pass left it.
func Run(m *onnx.Model, table []Pass, after func(name string, m *onnx.Model) error) error {
	if err := Verify(table); err != nil {
		return err
	}
	if m.GetGraph() == nil {
		return errors.New("the model has no graph")
	}
	for _, p := range table {
		if err := p.Run(NewGraph(m.GetGraph()), onnx.Opset(m)); err != nil {
			return fmt.Errorf("pass %s: %w", p.Name, err)
		}
		if after == nil {
			continue
		}
		if err := after(p.Name, m); err != nil {
			return fmt.Errorf("after pass %s: %w", p.Name, err)
		}
	}
	return nil
}

// Verify checks a table: no pass twice, and every constraint between two of its passes kept.
func Verify(table []Pass) error {
	at := make(map[string]int)
	for i, p := range table {
		if _, twice := at[p.Name]; twice {
			return fmt.Errorf("pass %s stands twice in the table", p.Name)
		}
		at[p.Name] = i
	}
	for i, p := range table {
		for _, o := range p.After {
			if j, ok := at[o.Pass]; ok && j > i {
				return fmt.Errorf("pass %s must run after %s: %s", p.Name, o.Pass, o.Reason)
			}
		}
	}
	return nil
}
