package compile

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Summary counts a model's parameters and work, layer by layer.
//
// Parameters are what training changes: kernels, biases, and the scale and shift of batch normalisation; the moving
// statistics are not counted. In the inference form a folded batch normalisation counts as the bias that it left.
// Multiply-adds are those of convolutions (and of MatMul and Gemm, where a model has them), one for each product that
// the definition asks for, padding included; nothing else is counted.
type Summary struct {
	Input string `json:"input"` // the input with its shape
	Rows  []Row  `json:"layers"`
	// Total counts every node, also those of no row: the normalisation of the input, and in others' models whatever
	// lies between the layers.
	Total Row `json:"total"`
}

// Row is one layer of a Summary: for the compiler's own models a part of the network (stem, cell0 …, aspp, decoder,
// logits), for others one convolution or matrix product.
type Row struct {
	Name     string `json:"name"`
	Stride   int    `json:"stride"`   // of the output, relative to the input; 0 where it has no height
	Channels int    `json:"channels"` // of the output; 0 where unknown
	Params   int64  `json:"params"`
	MACs     int64  `json:"macs"`        // multiply-adds
	Bytes    int64  `json:"activations"` // of all tensors that the layer's nodes make
}

// Summarize counts a model. inputs gives sizes to the dynamic axes of graph inputs; every size must be known then.
func Summarize(m *onnx.Model, inputs map[string]op.Info) (*Summary, error) {
	r, err := check.Infer(m, check.Options{Inputs: inputs})
	if err != nil {
		return nil, err
	}
	s := &Summary{Total: Row{Name: "total"}}
	height := 0
	if in := m.GetGraph().GetInput(); len(in) > 0 {
		info := r.Values[in[0].GetName()]
		s.Input = in[0].GetName() + " " + info.String()
		if len(info.Dims) == 4 {
			height = info.Dims[2].Size
		}
	}
	_, ours := onnx.Metadata(m)[KeyArchitecture]
	counted := make(map[string]bool) // parameters, so that a shared one counts once
	rows := make(map[string]int)
	for _, n := range r.Nodes {
		row, err := count(n, r, height, counted)
		if err == nil {
			err = s.Total.add(row)
		}
		if err != nil {
			return nil, &check.NodeError{Index: n.Index, Name: n.Node.GetName(), Op: n.Node.GetOpType(), Err: err}
		}
		key, name := groupOf(n, ours)
		if key == "" {
			continue
		}
		at, seen := rows[key]
		if !seen {
			at = len(s.Rows)
			rows[key] = at
			s.Rows = append(s.Rows, Row{Name: name})
		}
		if err := s.Rows[at].add(row); err != nil {
			return nil, err // unreachable: the total is larger
		}
	}
	s.Total.Stride, s.Total.Channels = 0, 0
	return s, nil
}

// groupOf gives the key and the name of the row that a node belongs to; no key for those that belong to none.
func groupOf(n *check.NodeInfo, ours bool) (key, name string) {
	name = n.Node.GetName()
	if ours {
		group, _, _ := strings.Cut(name, "/")
		switch group {
		case "preprocess", "size", "input", "output", "views":
			return "", ""
		}
		return group, group
	}
	if len(trainable(n)) == 0 {
		return "", ""
	}
	key = fmt.Sprintf("#%d", n.Index) // names need not be unique
	if name == "" {
		name = key
	}
	return key, name
}

// trainable lists which inputs of a node are parameters, if they are initializers.
func trainable(n *check.NodeInfo) []int {
	switch n.Node.GetOpType() {
	case "Conv", "ConvTranspose", "BatchNormalization":
		return []int{1, 2}
	case "InstanceNormalization", "LayerNormalization":
		return []int{1, 2}
	case "MatMul":
		return []int{0, 1}
	case "Gemm":
		return []int{1, 2}
	}
	return nil
}

// count gives a node's own row, without its name.
func count(n *check.NodeInfo, r *check.Result, height int, counted map[string]bool) (Row, error) {
	var row Row
	for _, i := range trainable(n) {
		if i >= len(n.Node.GetInput()) {
			continue
		}
		name := n.Node.GetInput()[i]
		if v := r.Values[name]; v != nil && v.Value != nil && !counted[name] {
			counted[name] = true
			row.Params += int64(v.Value.NumElems())
		}
	}
	var err error
	if row.MACs, err = multiplyAdds(n); err != nil {
		return row, err
	}
	for i := range n.Call.Out {
		out := &n.Call.Out[i]
		if out.Value != nil || out.DType == tensor.Int64 {
			continue // shape arithmetic
		}
		sizes, ok := out.Sizes()
		if !ok {
			return row, fmt.Errorf("the size of its output is not known: %s; give the sizes of dynamic axes (--input-size)", out)
		}
		elems, err := tensor.NumElems(sizes)
		if err != nil {
			return row, err
		}
		if err := row.add(Row{Bytes: saturated(elems, out.DType.Size())}); err != nil {
			return row, err
		}
		if i == 0 && len(sizes) == 4 {
			row.Channels = sizes[1]
			row.Stride = strideOf(height, sizes[2])
		}
	}
	return row, nil
}

// add adds the counts of r, and takes its shape if it has one: the last node's is the layer's.
func (row *Row) add(r Row) error {
	for _, c := range []struct {
		sum *int64
		n   int64
	}{{&row.Params, r.Params}, {&row.MACs, r.MACs}, {&row.Bytes, r.Bytes}} {
		if c.n > math.MaxInt64-*c.sum {
			return fmt.Errorf("%w: the counts pass %d", tensor.ErrSize, int64(math.MaxInt64))
		}
		*c.sum += c.n
	}
	if r.Channels != 0 {
		row.Stride, row.Channels = r.Stride, r.Channels
	}
	return nil
}

// strideOf gives the stride that makes n rows of an image of height rows. Several may, as rows at the border are padded
// or lost; then it is a power of two if one fits or is within a sixteenth of the distance between two rows (of 1024 rows,
// doubling 32 once gives 63, 16.5 apart), and else the nearest number to that distance.
func strideOf(height, n int) int {
	switch {
	case height <= 0 || n <= 0:
		return 0
	case n == 1:
		return height
	}
	for s := 1; s <= height/(n-1); s *= 2 {
		if (height-1)/s+1 == n {
			return s
		}
	}
	distance := float64(height-1) / float64(n-1)
	if power := math.Exp2(math.Round(math.Log2(distance))); math.Abs(distance-power) <= power/16 {
		return int(power)
	}
	return int(math.Round(distance))
}

// saturated is n·size, or the largest number if that has too many digits.
func saturated(n, size int) int64 {
	if size > 0 && n > math.MaxInt64/size {
		return math.MaxInt64
	}
	return int64(n) * int64(size)
}

// multiplyAdds counts a node's, 0 for those that are not counted.
func multiplyAdds(n *check.NodeInfo) (int64, error) {
	var over, each []int // products: one for each element of over, times each
	switch n.Node.GetOpType() {
	case "Conv":
		w, ok := n.Call.In[1].Sizes()
		out, ok2 := n.Call.Out[0].Sizes()
		if !ok || !ok2 {
			return 0, fmt.Errorf("its sizes are not known; give the sizes of dynamic axes (--input-size)")
		}
		over, each = out, w[1:]
	case "ConvTranspose":
		w, ok := n.Call.In[1].Sizes()
		in, ok2 := n.Call.In[0].Sizes()
		if !ok || !ok2 {
			return 0, fmt.Errorf("its sizes are not known; give the sizes of dynamic axes (--input-size)")
		}
		over, each = in, w[1:]
	case "MatMul", "Gemm":
		out, ok := n.Call.Out[0].Sizes()
		a, ok2 := n.Call.In[0].Sizes()
		if !ok || !ok2 || len(a) == 0 {
			return 0, fmt.Errorf("its sizes are not known; give the sizes of dynamic axes (--input-size)")
		}
		inner := a[len(a)-1]
		if n.Call.Attrs.Int("transA") != 0 {
			inner = a[0]
		}
		over, each = out, []int{inner}
	default:
		return 0, nil
	}
	product, err := tensor.NumElems(append(append([]int{}, over...), each...))
	return int64(product), err
}

// WriteTable prints the summary for people: multiply-adds in billions, memory in MiB.
func (s *Summary) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\n", onnx.Printable(s.Input))
	fmt.Fprintln(t, "layer\tstride\tchannels\tparams\tmultiply-adds\tactivations\t")
	for _, r := range append(append([]Row{}, s.Rows...), s.Total) {
		shape := fmt.Sprintf("%d\t%d", r.Stride, r.Channels)
		if r.Name == s.Total.Name {
			shape = "\t"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.3f B\t%.1f MiB\t\n", onnx.Printable(r.Name), shape, thousands(r.Params), float64(r.MACs)/1e9, float64(r.Bytes)/(1<<20))
	}
	return t.Flush()
}

// String is what WriteTable prints.
func (s *Summary) String() string {
	var b strings.Builder
	if err := s.WriteTable(&b); err != nil {
		return err.Error() // unreachable: a Builder takes everything
	}
	return b.String()
}

// thousands writes 1234567 as "1,234,567".
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
