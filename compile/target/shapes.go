package target

import (
	"fmt"
	"slices"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
)

// Usual sizes of pictures, for engines that want to know what an open axis will be: those of the paper's crop and of a
// picture of Cityscapes.
const (
	usualHeight, usualWidth = 513, 513
	mostHeight, mostWidth   = 1025, 2049
	// MostBatch is how many pictures at a time a server may put together where the batch is open.
	MostBatch = 8
)

// Input is an input with the shapes that an engine is to be built for: the same three where nothing is open.
type Input struct {
	Name           string
	Info           op.Info
	Min, Opt, Most []int
}

// Dynamic says whether an axis is open.
func (i *Input) Dynamic() bool { return !slices.Equal(i.Min, i.Most) }

// Inputs lists a model's inputs. Open axes get what the metadata of a deployed model allow, within usual sizes.
func Inputs(m *onnx.Model) ([]Input, error) {
	d, err := compile.ReadDeployed(onnx.Metadata(m))
	if err != nil {
		return nil, err
	}
	inits := onnx.Initializers(m.GetGraph())
	var list []Input
	for _, v := range m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; ok {
			continue
		}
		info, err := check.Declared(v)
		if err != nil {
			return nil, fmt.Errorf("graph input %w", err)
		}
		in := Input{Name: v.GetName(), Info: info}
		height := 2
		if info.Rank() == 4 && info.Dims[3].Size == 3 {
			height = 1
		}
		for k, dim := range info.Dims {
			low, opt, most := dim.Size, dim.Size, dim.Size
			switch {
			case dim.IsKnown():
			case info.Rank() == 4 && k == height:
				low, opt, most = within(d.Sizes.Height, usualHeight, mostHeight)
			case info.Rank() == 4 && k == height+1:
				low, opt, most = within(d.Sizes.Width, usualWidth, mostWidth)
			case k == 0:
				low, opt, most = within(d.Sizes.Batch, 1, MostBatch)
			default:
				low, opt, most = 1, 1, 1
			}
			in.Min, in.Opt, in.Most = append(in.Min, low), append(in.Opt, opt), append(in.Most, most)
		}
		list = append(list, in)
	}
	return list, nil
}

// within gives the least, the usual and the most of an axis, as far as they are allowed.
func within(r compile.Range, usual, most int) (low, opt, high int) {
	if r.Max == 0 { // not known
		r = compile.Range{Min: 1, Max: most}
	}
	high = min(most, r.Max)
	high = max(high, r.Min)
	return r.Min, min(max(usual, r.Min), high), high
}

// Precision names what of a model is not float32: "int8", "float16", or "".
func Precision(m *onnx.Model) string {
	half := false
	for _, t := range m.GetGraph().GetInitializer() {
		half = half || t.GetDataType() == 10
	}
	for _, n := range m.GetGraph().GetNode() {
		if n.GetOpType() == "QuantizeLinear" || n.GetOpType() == "DequantizeLinear" {
			return "int8"
		}
	}
	if half {
		return "float16"
	}
	return ""
}

// TrtExec is the command line with which TensorRT's own tool builds an engine of the model in a file, into plan: shapes
// for open axes, and the precision that the model is made for.
func TrtExec(m *onnx.Model, file, plan string) (string, error) {
	inputs, err := Inputs(m)
	if err != nil {
		return "", err
	}
	words := []string{"trtexec", "--onnx=" + quote(file), "--saveEngine=" + quote(plan)}
	for _, s := range []struct {
		flag  string
		shape func(Input) []int
	}{
		{"--minShapes=", func(i Input) []int { return i.Min }},
		{"--optShapes=", func(i Input) []int { return i.Opt }},
		{"--maxShapes=", func(i Input) []int { return i.Most }},
	} {
		var open []string
		for _, in := range inputs {
			if in.Dynamic() {
				open = append(open, in.Name+":"+times(s.shape(in)))
			}
		}
		if len(open) > 0 {
			words = append(words, quote(s.flag+strings.Join(open, ",")))
		}
	}
	switch Precision(m) {
	case "float16":
		words = append(words, "--fp16")
	case "int8":
		words = append(words, "--int8", "--fp16") // what is not quantised may run in half precision, as is usual
	}
	return strings.Join(words, " "), nil
}

func times(shape []int) string {
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, "x")
}

// quote puts a word of a shell's command line into quotes where it needs some.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./:,+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
