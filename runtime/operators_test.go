package runtime_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

var update = flag.Bool("update", false, "write the golden files anew")

const operatorsHeader = `# Operators

What the embedded runtime claims: every operator below, at every version from opset %d to %d (domain ai.onnx), with all
attributes but those in the last column. This table is made from the code (` + "`go test ./runtime -run OperatorsPage -update`" + `); the
claim is tested by ONNX's own backend tests (` + "`scripts/test -run ONNXNode -v ./runtime`" + ` prints how many ran).

float32 has the fast kernels. Other types that an operator's schema allows run on plain ones: float64, float16 and
bfloat16 (computed in float32), the integers and booleans. The 8-bit floats and 4-bit integers of opset 19 and later,
strings in arithmetic, sequences, maps, optionals and subgraphs are refused when a model is loaded, with the node and
the operator.

| operator | versions | refused |
|---|---|---|
`

// refused lists what a claimed operator does not do; loading such a node is an error that says so.
var refused = map[string]string{
	"AveragePool":        "more than 3 axes to pool over",
	"BatchNormalization": "spatial = 0 (opset 7 and 8), training outputs before opset 14",
	"Cast":               "4-bit and 8-bit float types",
	"Constant":           "sparse_value",
	"DequantizeLinear":   "4-bit and 8-bit float types",
	"Dropout":            "training mode",
	"Erf":                "integers (opset 9)",
	"Gemm":               "integers with a fractional alpha or beta",
	"MaxPool":            "more than 3 axes to pool over",
	"QuantizeLinear":     "4-bit and 8-bit float types",
	"Resize":             "antialias and exclude_outside with nearest, linear and cubic of booleans and strings",
	"Upsample":           "linear of booleans and strings",
}

// refusedNodes shows for each entry of refused a node, with one input or more of the type and sizes given, that must not
// load.
var refusedNodes = []struct {
	op    string
	opset int
	in    []string // as "float 1 3 4 4"
	outs  int
	attrs []*onnx.Attribute
	want  string
}{
	{"AveragePool", 17, []string{"float 1 1 2 2 2 2"}, 1, []*onnx.Attribute{onnx.AttrInts("kernel_shape", 1, 1, 1, 1)}, "1 to 3 axes"},
	{"BatchNormalization", 7, []string{"float 1 2 3", "float 2", "float 2", "float 2", "float 2"}, 1, []*onnx.Attribute{onnx.AttrInt("spatial", 0)}, "spatial"},
	{"BatchNormalization", 9, []string{"float 1 2 3", "float 2", "float 2", "float 2", "float 2"}, 5, nil, "before opset 14"},
	{"Cast", 21, []string{"float 2"}, 1, []*onnx.Attribute{onnx.AttrInt("to", int(pb.TensorProto_FLOAT8E4M3FN))}, "type#17"},
	{"Cast", 21, []string{"float 2"}, 1, []*onnx.Attribute{onnx.AttrInt("to", int(pb.TensorProto_INT4))}, "type#22"},
	{"Constant", 17, nil, 1, []*onnx.Attribute{{Name: "sparse_value", Type: pb.AttributeProto_SPARSE_TENSOR, SparseTensor: &pb.SparseTensorProto{}}}, "sparse"},
	{"DequantizeLinear", 21, []string{"int4 2", "float"}, 1, nil, "type#22"},
	{"Dropout", 17, []string{"float 2", "float", "bool"}, 1, nil, "training"},
	{"Erf", 9, []string{"int32 2"}, 1, nil, "int32"},
	{"Gemm", 17, []string{"int32 2 2", "int32 2 2"}, 1, []*onnx.Attribute{onnx.AttrFloat("alpha", 0.5)}, "whole numbers"},
	{"MaxPool", 17, []string{"float 1 1 2 2 2 2"}, 1, []*onnx.Attribute{onnx.AttrInts("kernel_shape", 1, 1, 1, 1)}, "1 to 3 axes"},
	{"QuantizeLinear", 21, []string{"float 2", "float", "int4"}, 1, nil, "type#22"},
	{"Resize", 18, []string{"float 1 1 2 2", "", "float 4"}, 1, []*onnx.Attribute{onnx.AttrInt("antialias", 1), onnx.AttrString("mode", "nearest")}, "antialias"},
	{"Resize", 18, []string{"float 1 1 2 2", "", "float 4"}, 1, []*onnx.Attribute{onnx.AttrInt("exclude_outside", 1), onnx.AttrString("mode", "nearest")}, "exclude_outside"},
	{"Resize", 18, []string{"bool 1 1 2 2", "", "float 4"}, 1, []*onnx.Attribute{onnx.AttrString("mode", "linear")}, "of type bool"},
	{"Resize", 18, []string{"string 1 1 2 2", "", "float 4"}, 1, []*onnx.Attribute{onnx.AttrString("mode", "cubic")}, "of type string"},
	{"Upsample", 9, []string{"string 1 1 2 2", "float 4"}, 1, []*onnx.Attribute{onnx.AttrString("mode", "linear")}, "of type string"},
}

// TestRefused holds the last column of docs/operators.md against the code.
func TestRefused(t *testing.T) {
	shown := make(map[string]bool)
	for _, c := range refusedNodes {
		shown[c.op] = true
		var inputs, outputs []*onnx.ValueInfo
		var ins, outs []string
		for i, spec := range c.in {
			name := ""
			if fields := strings.Fields(spec); len(fields) > 0 {
				name = fmt.Sprintf("x%d", i)
				sizes := []int{}
				for _, f := range fields[1:] {
					n, err := strconv.Atoi(f)
					if err != nil {
						t.Fatal(err)
					}
					sizes = append(sizes, n)
				}
				inputs = append(inputs, onnx.NewValueInfo(name, tensor.DType(pb.TensorProto_DataType_value[strings.ToUpper(fields[0])]), onnx.FixedDims(sizes...)))
			}
			ins = append(ins, name)
		}
		for i := range c.outs {
			outs = append(outs, fmt.Sprintf("y%d", i))
			outputs = append(outputs, float(outs[i]))
		}
		_, err := runtime.Embedded.LoadModel(graph(c.opset, inputs, outputs, nil, onnx.NewNode(c.op, "refused", ins, outs, c.attrs...)), runtime.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `node "refused" (`+c.op+`)`) {
			t.Errorf("%s: %v, want an error that names the node and says %q", c.op, err, c.want)
		}
	}
	for name := range refused {
		if !shown[name] {
			t.Errorf("nothing shows that %s refuses %s", name, refused[name])
		}
	}
}

// TestOperatorsPage holds docs/operators.md against the code.
func TestOperatorsPage(t *testing.T) {
	const path = "../docs/operators.md"
	var b strings.Builder
	fmt.Fprintf(&b, operatorsHeader, op.OldestOpset, op.NewestOpset)
	claimed := 0
	for _, name := range op.Names() {
		if !runtime.Claims(name) {
			t.Errorf("%s has a schema, but the runtime has no kernel for it", name)
			continue
		}
		claimed++
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, versions(name), refused[name])
	}
	fmt.Fprintf(&b, "\n%d operators.\n", claimed)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Errorf("%s is not what the code says; -update writes it anew", path)
	}
}

// versions lists the opset versions at which an operator changed, from the one that was in force at the oldest opset.
func versions(name string) string {
	var list []string
	last := 0
	for v := op.OldestOpset; v <= op.NewestOpset; v++ {
		s, err := op.Lookup("", name, v)
		if err != nil {
			if last != 0 {
				list = append(list, fmt.Sprintf("(withdrawn at %d)", v))
				break
			}
			continue
		}
		if s.Since != last {
			last = s.Since
			list = append(list, fmt.Sprint(s.Since))
		}
	}
	return strings.Join(list, ", ")
}
