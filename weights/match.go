package weights

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights/checkpoint"
)

// ErrFit is wrapped by the error of a checkpoint that does not fit a network.
var ErrFit = errors.New("the checkpoint does not fit the network")

// Options says how strictly a checkpoint is to fit.
type Options struct {
	// Map of the checkpoint's names.
	Map *Map
	// Average takes exponential moving averages in place of the weights themselves, all of them; moving statistics that
	// have none are taken as they are.
	Average bool
	// AllowMissing are patterns (* stands for any text) of tensors of the network that may keep their initial values
	// where the checkpoint has none of their shape.
	AllowMissing []string
	// AllowUnused are patterns of tensors of the checkpoint that may be left over.
	AllowUnused []string
}

// Row is a tensor of the network and where it comes from.
type Row struct {
	Name  string
	Shape []int
	// From are the tensors of the checkpoint, none where it stays as it is.
	From []*checkpoint.Tensor
	// How is what is done to them, or why there are none.
	How string
	// Problem is why the tensor cannot be had; empty where it can.
	Problem string

	rule    *tensorRule
	initial bool // keeps its value
}

// Kept reports whether the tensor keeps its initial value.
func (r *Row) Kept() bool { return r.initial }

// Left is a tensor of the checkpoint that the network does not take.
type Left struct {
	Tensor *checkpoint.Tensor
	// Reason says why.
	Reason string
	// Problem is whether that is a mistake.
	Problem bool
}

// Plan is what an import will do.
type Plan struct {
	Map *Map
	// Rows are the network's weights, in the order of the graph.
	Rows []Row
	// Left are the other tensors of the checkpoint.
	Left []Left

	model *onnx.Model
	own   map[string]*tensor.Tensor
}

// matcher holds what a match needs of a checkpoint.
type matcher struct {
	o       Options
	have    map[string]*checkpoint.Tensor // by stripped name
	used    map[string]string             // why a tensor is not left over, by stripped name
	arch    *decode.Architecture
	missing []*pattern
}

func newMatcher(a *decode.Architecture, f *checkpoint.File, o Options) (*matcher, error) {
	x := &matcher{o: o, have: make(map[string]*checkpoint.Tensor), used: make(map[string]string), arch: a}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		name := o.Map.stripped(t.Name)
		if other := x.have[name]; other != nil {
			return nil, fmt.Errorf("%w: %s and %s are the same name to map %s", ErrFit, checkpoint.Quote(other.Name), checkpoint.Quote(t.Name), o.Map.Name)
		}
		x.have[name] = t
	}
	if o.Average && o.Map.average == "" {
		return nil, fmt.Errorf("%w: map %s has no line \"average\", so that it knows no moving averages", ErrFit, o.Map.Name)
	}
	for _, text := range o.AllowMissing {
		p, err := compilePattern(text, nil)
		if err != nil {
			return nil, err
		}
		x.missing = append(x.missing, p)
	}
	return x, nil
}

// Match finds the weights of a training form in a checkpoint. It reads no elements. The plan may have problems:
// [Plan.Err] sums them up. The error is for a model that is no training form, a pattern that is none, or names that the
// map cannot tell apart.
func Match(m *onnx.Model, f *checkpoint.File, o Options) (*Plan, error) {
	own, err := compile.Weights(m)
	if err != nil {
		return nil, err
	}
	arch, err := compile.Architecture(m)
	if err != nil {
		return nil, err
	}
	x, err := newMatcher(arch, f, o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Map: o.Map, model: m, own: own}
	for _, init := range m.GetGraph().GetInitializer() {
		if t := own[init.GetName()]; t != nil {
			p.Rows = append(p.Rows, x.row(init.GetName(), t.Shape))
		}
	}
	p.Left, err = x.left(f)
	return p, err
}

// row finds one tensor.
func (x *matcher) row(name string, shape []int) Row {
	r := Row{Name: name, Shape: shape}
	rule, names, err := x.sources(name)
	switch {
	case err != nil:
		r.Problem = err.Error()
	case rule == nil:
		r.Problem = fmt.Sprintf("map %s has no line for it", x.o.Map.Name)
	default:
		r.rule = rule
		x.fill(&r, names)
	}
	if r.Problem != "" && slices.ContainsFunc(x.missing, func(p *pattern) bool { _, ok := p.match(name); return ok }) {
		r.How, r.Problem, r.initial, r.From = "keeps its initial value: "+r.Problem, "", true, nil
	}
	return r
}

// sources gives the rule for a tensor of the network and the checkpoint's names in it: the tensor, then those of times=
// and minus=.
func (x *matcher) sources(name string) (*tensorRule, []string, error) {
	for i := range x.o.Map.tensors {
		rule := &x.o.Map.tensors[i]
		found, ok := rule.ours.match(name)
		if !ok {
			continue
		}
		if edge, ok := x.edge(name, found["b"]); ok {
			found["edge"] = edge
		}
		var names []string
		for _, text := range []string{rule.theirs, rule.times, rule.minus} {
			if text == "" {
				continue
			}
			expanded, err := expand(text, found, x.o.Map.tables)
			if err != nil {
				return nil, nil, fmt.Errorf("map %s: %s: %w", x.o.Map.Name, text, err)
			}
			names = append(names, expanded)
		}
		return rule, names, nil
	}
	return nil, nil, nil
}

// edge is the index of a branch in its cell when each block's branches are in the order of the states that they read,
// H[l-2] first.
func (x *matcher) edge(name, block string) (string, bool) {
	b, err := strconv.Atoi(block)
	_, rest, ok := strings.Cut(name, "/branch")
	if err != nil || !ok || b >= len(x.arch.Cell) {
		return "", false
	}
	age := func(state int) int { // H[l-1] is state 0 here and comes second
		if state < 2 {
			return 1 - state
		}
		return state
	}
	sides := x.arch.Cell[b]
	first := 0
	if age(sides[1].Input) < age(sides[0].Input) {
		first = 1
	}
	side := 0
	if strings.HasPrefix(rest, "1") {
		side = 1
	}
	if side == first {
		return strconv.Itoa(2 * b), true
	}
	return strconv.Itoa(2*b + 1), true
}

// fill finds the tensors of a rule and checks them.
func (x *matcher) fill(r *Row, names []string) {
	shapes := r.rule.shapes(r.Shape)
	for i, name := range names {
		t, problem := x.find(r.Name, name)
		if t == nil && i == 0 && r.rule.absent != nil && x.have[name] == nil {
			r.How = fmt.Sprintf("%g: the checkpoint has no %s", *r.rule.absent, checkpoint.Quote(name))
			return
		}
		if problem != "" {
			r.Problem = problem
			return
		}
		r.From = append(r.From, t)
		switch {
		case shapes == nil:
			r.Problem = fmt.Sprintf("map %s makes it of a kernel, of 4 axes", x.o.Map.Name)
		case !t.DType.IsFloat():
			r.Problem = fmt.Sprintf("%s holds no floating-point numbers", t)
		case !slices.Equal(t.Shape, shapes[i]):
			r.Problem = fmt.Sprintf("%s, want %s", t, tensor.FormatShape(shapes[i]))
		}
		if r.Problem != "" {
			return
		}
	}
	r.How = r.rule.how()
}

// find looks a name up, or its moving average, and notes that it is used.
func (x *matcher) find(ours, name string) (t *checkpoint.Tensor, problem string) {
	if x.o.Average {
		average, err := expand(x.o.Map.average, map[string]string{"*": name}, nil)
		if err != nil {
			return nil, err.Error()
		}
		if t := x.have[average]; t != nil {
			x.used[average] = "used"
			if x.used[name] == "" {
				x.used[name] = "its moving average is taken"
			}
			return t, ""
		}
		if statistic := strings.HasSuffix(ours, "/bn/mean") || strings.HasSuffix(ours, "/bn/variance"); !statistic {
			return nil, fmt.Sprintf("the checkpoint has no moving average %s", checkpoint.Quote(average))
		}
	}
	if t := x.have[name]; t != nil {
		x.used[name] = "used"
		return t, ""
	}
	return nil, fmt.Sprintf("the checkpoint has no %s", checkpoint.Quote(name))
}

// left lists what was not used.
func (x *matcher) left(f *checkpoint.File) ([]Left, error) {
	var allowed []*pattern
	for _, text := range x.o.AllowUnused {
		p, err := compilePattern(text, nil)
		if err != nil {
			return nil, err
		}
		allowed = append(allowed, p)
	}
	reason := func(rules []reasonRule, name string) string {
		for _, r := range rules {
			if _, ok := r.theirs.match(name); ok {
				return r.reason
			}
		}
		return ""
	}
	var list []Left
	for i := range f.Tensors {
		t := &f.Tensors[i]
		name := x.o.Map.stripped(t.Name)
		l := Left{Tensor: t}
		switch used := x.used[name]; {
		case used == "used":
			continue
		case used != "":
			l.Reason = used
		case reason(x.o.Map.refused, name) != "":
			l.Reason, l.Problem = "of "+reason(x.o.Map.refused, name), true
		case reason(x.o.Map.ignored, name) != "":
			l.Reason = reason(x.o.Map.ignored, name)
		case slices.ContainsFunc(allowed, func(p *pattern) bool {
			_, full := p.match(t.Name)
			_, short := p.match(name)
			return full || short
		}):
			l.Reason = "left out as asked for"
		default:
			l.Reason, l.Problem = "the network has no place for it", true
		}
		list = append(list, l)
	}
	return list, nil
}

// Err is nil, or wraps [ErrFit] and says how many tensors do not fit, the first of them and why.
func (p *Plan) Err() error {
	bad, first := 0, ""
	note := func(text string) {
		if bad++; first == "" {
			first = text
		}
	}
	for _, l := range p.Left { // what shows another kind of network explains the rest
		if l.Problem && strings.HasPrefix(l.Reason, "of ") {
			note(fmt.Sprintf("%s is %s", checkpoint.Quote(l.Tensor.Name), l.Reason))
		}
	}
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Problem != "" {
			note(fmt.Sprintf("%s %s: %s", r.Name, tensor.FormatShape(r.Shape), r.Problem))
		}
	}
	for _, l := range p.Left {
		if l.Problem && !strings.HasPrefix(l.Reason, "of ") {
			note(fmt.Sprintf("%s: %s", l.Tensor, l.Reason))
		}
	}
	switch bad {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: %s", ErrFit, first)
	}
	return fmt.Errorf("%w in %d places, the first: %s", ErrFit, bad, first)
}

// Sizes reads from a checkpoint how wide the network of an architecture is and how many classes it has; 0 for what the
// map does not find there.
func Sizes(a *decode.Architecture, f *checkpoint.File, o Options) (filters, classes int, err error) {
	o.AllowMissing, o.AllowUnused = nil, nil
	x, err := newMatcher(a, f, o)
	if err != nil {
		return 0, 0, err
	}
	length := func(name string) int {
		rule, names, err := x.sources(name)
		if err != nil || rule == nil {
			return 0
		}
		if t := x.have[names[0]]; t != nil && len(t.Shape) == 1 {
			return t.Shape[0]
		}
		return 0
	}
	return length("cell0/input0/bn/mean") >> a.Path[0], length("logits/conv/bias"), nil
}
