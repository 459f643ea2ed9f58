package verify

import (
	"context"
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

// Layers is what was found inside the two models.
type Layers struct {
	// Compared counts the values that were compared; Hidden those that an engine computes along with another one and did not
	// show; Alone those of the subject without a partner in the reference.
	Compared int `json:"compared"`
	Hidden   int `json:"hidden"`
	Alone    int `json:"alone"`
	// Different are the nodes whose outputs differ by more than the tolerance, in topological order: the first alone, or all
	// with Options.All. Those after the first may only pass its error on.
	Different []Node `json:"different"`
	// Largest is the compared value of the largest relative difference.
	Largest *Node `json:"largest,omitempty"`
}

// Node is a node of the subject and what was found of one of its outputs.
type Node struct {
	Name string `json:"name"`
	Op   string `json:"op"`
	// Place counts the nodes in topological order from 1; Nodes is how many there are.
	Place int `json:"place"`
	Nodes int `json:"nodes"`
	// Value is the output, Partner its counterpart in the reference where that has another name.
	Value   string `json:"value"`
	Partner string `json:"partner,omitempty"`
	// Inputs lists the node's inputs with type and shape, Attributes its attributes, as text.
	Inputs     []string `json:"inputs"`
	Attributes []string `json:"attributes,omitempty"`
	// InputsRelative is the largest relative difference of those inputs that were compared; Born says that there were some
	// and that all are within the tolerance: the difference is this node's own.
	InputsRelative Number `json:"inputs_relative"`
	Born           bool   `json:"born"`
	// Together names nodes that the engine computes along with this one, so that the difference may be theirs.
	Together   []string   `json:"together,omitempty"`
	Sample     string     `json:"sample"`
	Difference Difference `json:"difference"`
}

// layerWalk goes through the values of one sample.
type layerWalk struct {
	o          *Options
	sides      [2]*Side
	inputs     [2]map[string]*tensor.Tensor
	sample     string
	have, want *check.Result
	makers     map[string]*check.NodeInfo
	places     map[string]int
	seen       map[string]float64 // relative differences of the values compared
	hidden     map[string]pair
	result     *Layers
}

// layers compares the values inside for one sample. The two results of inference are for its inputs.
func (o *Options) layers(ctx context.Context, sides [2]*Side, s *sample) (*Layers, error) {
	w := &layerWalk{o: o, sides: sides, inputs: s.inputs, sample: s.name, makers: make(map[string]*check.NodeInfo),
		places: make(map[string]int), seen: make(map[string]float64), hidden: make(map[string]pair), result: new(Layers)}
	var err error
	if w.have, err = inferWith(sides[0].Model, s.inputs[0]); err == nil {
		w.want, err = inferWith(sides[1].Model, s.inputs[1])
	}
	if err != nil {
		return nil, fmt.Errorf("--layers needs a model that the embedded engine knows: %w", err)
	}
	for place, n := range w.have.Nodes {
		for _, out := range n.Node.GetOutput() {
			w.makers[out], w.places[out] = n, place
		}
	}
	list, alone := pairs(w.have, w.want, sides[0].Model, sides[1].Model, o.Match)
	w.result.Alone = alone
	if len(list) == 0 {
		return nil, fmt.Errorf("no value of %s has a partner in %s by %s; --match %s pairs them otherwise", sides[0].Name, sides[1].Name, MatchNames[o.Match], MatchNames[1-o.Match])
	}
	return w.result, w.walk(ctx, list)
}

func (w *layerWalk) walk(ctx context.Context, list []pair) error {
	var taps [2]tapper
	for i, s := range w.sides {
		t, err := s.tapper(w.o.Unfused)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		defer t.close()
		taps[i] = t
	}
	for _, chunk := range chunks(list, w.o.memory()) {
		got, err := w.values(ctx, taps, chunk)
		if err != nil {
			return err
		}
		for _, p := range chunk {
			a, b := got[0][p.have], got[1][p.want]
			if a == nil || b == nil {
				w.hidden[p.have] = p
				w.result.Hidden++
				continue
			}
			n, within := w.compare(p, a, b)
			if within {
				continue
			}
			if n, err = w.pinpoint(ctx, n, p); err != nil {
				return err
			}
			w.result.Different = append(w.result.Different, n)
			if !w.o.All {
				return nil
			}
		}
	}
	return nil
}

// values asks both sides for the values of a chunk.
func (w *layerWalk) values(ctx context.Context, taps [2]tapper, chunk []pair) (got [2]map[string]*tensor.Tensor, err error) {
	var names [2][]string
	for _, p := range chunk {
		names[0], names[1] = append(names[0], p.have), append(names[1], p.want)
	}
	for i, t := range taps {
		if got[i], err = t.values(ctx, w.inputs[i], names[i]); err != nil {
			return got, fmt.Errorf("%s: %w", w.sides[i].Name, err)
		}
	}
	return got, nil
}

// compare compares a value, and describes its node.
func (w *layerWalk) compare(p pair, a, b *tensor.Tensor) (Node, bool) {
	d := Compare(a, b, p.quantised)
	w.result.Compared++
	w.seen[p.have] = float64(d.Relative)
	n := w.node(p, d)
	if d.Compatible() && !p.decided && (w.result.Largest == nil || d.Relative > w.result.Largest.Difference.Relative) {
		w.result.Largest = &n
	}
	return n, w.within(p, &d)
}

// within says whether a value is as the tolerances want it: one that comparisons decided may differ in as many elements as
// labels may, a quantised one by a step.
func (w *layerWalk) within(p pair, d *Difference) bool {
	switch {
	case p.decided && d.Compatible():
		return d.share() >= w.o.agreement()
	case p.quantised && d.Compatible() && d.MaxError <= 1:
		return true
	}
	return d.Within(w.o.tolerance())
}

func (w *layerWalk) node(p pair, d Difference) Node {
	n := Node{Name: p.node.Node.GetName(), Op: p.node.Node.GetOpType(), Place: p.place + 1, Nodes: len(w.have.Nodes),
		Value: p.have, Sample: w.sample, Difference: d}
	if p.want != p.have {
		n.Partner = p.want
	}
	known := false
	for _, in := range p.node.Node.GetInput() {
		if in == "" {
			continue
		}
		n.Inputs = append(n.Inputs, in+" "+w.have.Values[in].String())
		if r, ok := w.seen[in]; ok {
			known = true
			n.InputsRelative = max(n.InputsRelative, Number(r))
		}
	}
	n.Born = known && float64(n.InputsRelative) <= w.o.tolerance()
	for _, a := range p.node.Node.GetAttribute() {
		n.Attributes = append(n.Attributes, onnx.AttributeText(a))
	}
	return n
}

// pinpoint looks at the values that were hidden before a node that differs, computed node by node: the first of them that
// differs is where it begins. If none does, the difference is of computing the nodes together.
func (w *layerWalk) pinpoint(ctx context.Context, n Node, p pair) (Node, error) {
	var before []pair
	done := make(map[string]bool)
	var collect func(node *check.NodeInfo)
	collect = func(node *check.NodeInfo) {
		for _, in := range node.Node.GetInput() {
			if h, ok := w.hidden[in]; ok && !done[in] {
				done[in] = true
				collect(h.node)
				before = append(before, h)
			}
		}
	}
	collect(p.node)
	if len(before) == 0 {
		return n, nil
	}
	var taps [2]tapper
	for i, s := range w.sides {
		t, err := s.tapper(true)
		if err != nil {
			return n, fmt.Errorf("%s: %w", s.Name, err)
		}
		defer t.close()
		taps[i] = t
	}
	got, err := w.values(ctx, taps, before)
	if err != nil {
		return n, err
	}
	for _, h := range before {
		if a, b := got[0][h.have], got[1][h.want]; a != nil && b != nil {
			if d := Compare(a, b, h.quantised); !w.within(h, &d) {
				return w.node(h, d), nil
			}
		}
		n.Together = append(n.Together, nodeName(h.node))
	}
	return n, nil
}

// nodeName is a node's name, or what it makes where it has none.
func nodeName(n *check.NodeInfo) string {
	if name := n.Node.GetName(); name != "" {
		return name
	}
	for _, out := range n.Node.GetOutput() {
		if out != "" {
			return "→ " + out
		}
	}
	return n.Node.GetOpType()
}
