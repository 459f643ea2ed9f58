package target

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestTables reads every table, and wants in it what the forms of a network are made of.
func TestTables(t *testing.T) {
	for _, name := range Names() {
		list, err := Tables(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range list {
			if len(table.ops) < 100 || table.Low > 11 || table.High < 17 {
				t.Errorf("%s: %d operators, opset %d to %d", table.Engine, len(table.ops), table.Low, table.High)
			}
			for _, op := range []string{"Conv", "Resize", "Relu", "Add", "Concat", "ArgMax", "Cast", "Softmax", "Transpose", "QuantizeLinear", "DequantizeLinear"} {
				if table.ops[op] == nil {
					t.Errorf("%s lacks %s", table.Engine, op)
				}
			}
		}
	}
	if _, err := Tables("coreml"); err == nil || !strings.Contains(err.Error(), "onnxruntime, tensorrt, openvino, generic") {
		t.Errorf("%v", err)
	}
}

func TestTableErrors(t *testing.T) {
	const head = "engine E 1\nsource S\nopset 7 17\nio float\n"
	for text, want := range map[string]string{
		"engine E\n":               "its head wants",
		head + "opp Conv 7 17\n":   "t.table:5",
		head + "op Conv 7\n":       "a name and two versions",
		head + "op Conv 7 x\n":     "t.table:5",
		head + "op Conv 7 * T\n":   "VARIABLE=TYPES",
		head + "op Conv 7 * T=f\n": `"f" is no element type`,
		head + "rank Conv 0 4\n":   "is no line of a table",
		head + "io flaot\n":        `"flaot" is no element type`,
	} {
		if _, err := parse("t", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// graph reads a model in the text form.
func graph(t *testing.T, text string) *onnx.Model {
	t.Helper()
	m, err := onnx.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestViolations has each kind of violation once, with what is to be said of it.
func TestViolations(t *testing.T) {
	const small = "engine E 1\nsource S\nopset 9 20\nio float int32 uint8\nonly-io uint8\nwiden float16 float\n"
	for _, c := range []struct {
		name, table string // beside the head above; "" for the names of targets
		targets     string
		model       string
		want        []string
	}{
		{name: "nothing", targets: Generic, model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,3,8,8] x) => (float[1,3,8,8] y) { [n] y = Relu (x) }`},
		{name: "opset", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 22]> g (float[1] x) => (float[1] y) { [n] y = Relu (x) }`,
			want: []string{"the model imports ai.onnx 22; TensorRT 10.0 takes 9 to 20 (compile --opset 20)"}},
		{name: "operator", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x, int8 z) => (int32[1,4,8,8] y) { [n] y = ConvInteger (x, x) }`,
			want: []string{`node "n" (ConvInteger): the operator; TensorRT 10.0 does not list it (no flag of compile changes it)`}},
		{name: "version", table: "op Relu 14 *\n", model: `<ir_version: 8, opset_import: ["" : 13]> g (float[1] x) => (float[1] y) { [n] y = Relu (x) }`,
			want: []string{`node "n" (Relu): the operator in ai.onnx 13; E 1 lists it for 14 and later (compile --opset 14)`}},
		{name: "input type", table: "op Cast 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (int64[1] x) => (float[1] y) { [n] y = Cast <to = 1> (x) }`,
			want: []string{`input "x" is of type int64; E 1 takes float, int32, uint8 (compile --input float)`}},
		{name: "output type", table: "op ArgMax 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,4] x) => (int64[1,1] y) { [n] y = ArgMax <axis = 1> (x) }`,
			want: []string{`output "y" is of type int64; E 1 takes float, int32, uint8 (compile --label-type int32)`}},
		{name: "float output type", table: "op Cast 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (double[1] y) { [n] y = Cast <to = 11> (x) }`,
			want: []string{`output "y" is of type double; E 1 takes float, int32, uint8 (compile its float form, or --precision fp32)`}},
		{name: "types inside", table: "op Add 9 * T=float\nop Cast 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (int32[1] x) => (int32[1] y) { [n] y = Add (x, x) }`,
			want: []string{`node "n" (Add): input "x" is of type int32; E 1 lists float (no flag of compile changes it)`, `node "n" (Add): input "x" is of type int32`}},
		{name: "widened", table: "op Relu 9 * T=float\nop Cast 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { a = Cast <to = 10> (x) b = Relu (a) y = Cast <to = 1> (b) }`},
		{name: "main", table: "op Where 9 * main=float\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) <bool[1] c = {1}> { y = Where (c, x, x) }`},
		{name: "bytes inside", table: "op Cast 9 *\nop Transpose 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (uint8[2,3] x) => (float[2,3] y) { a = Transpose <perm = [1, 0]> (x) b = Transpose <perm = [1, 0]> (a) y = Cast <to = 1> (b) }`,
			want: []string{`input "a" is of type uint8; E 1 takes that for inputs and outputs of the network only`, `input "b" is of type uint8`}},
		{name: "attribute", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,4,4] x) => (float[1,1,8,8] y) <float[4] s = {1, 1, 2, 2}> { [n] y = Resize <mode = "cubic"> (x, , s) }`,
			want: []string{`node "n" (Resize): attribute mode = cubic; TensorRT 10.0 lists nearest, linear (the forms that compile makes`}},
		{name: "default attribute", table: "op Resize 9 *\nattr Resize coordinate_transformation_mode align_corners\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,4,4] x) => (float[1,1,8,8] y) <float[4] s = {1, 1, 2, 2}> { [n] y = Resize <mode = "linear"> (x, , s) }`,
			want: []string{`attribute coordinate_transformation_mode = half_pixel; E 1 lists align_corners`}},
		{name: "integer attribute", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[8] x) => (float[2] y, int64[2] i) <int64[1] k = {2}> { [n] y, i = TopK <sorted = 0> (x, k) }`,
			want: []string{`attribute sorted = 0; TensorRT 10.0 lists 1`}},
		{name: "forbidden attribute", table: "op Relu 9 *\nop Constant 9 *\nop Add 9 *\nno-attr Constant value_float\n", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { [n] a = Constant <value_float = 1.0> () y = Add (x, a) }`,
			want: []string{`node "n" (Constant): attribute value_float; E 1 does not take it`}},
		{name: "ones", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,8,8] x) => (float[1,1,4,4] y) { [n] y = MaxPool <kernel_shape = [3, 3], dilations = [2, 2]> (x) }`,
			want: []string{`attribute dilations = [2, 2]; TensorRT 10.0 wants it to be all ones`}},
		{name: "outputs", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,8,8] x) => (float[1,1,6,6] y, int64[1,1,6,6] i) { [n] y, i = MaxPool <kernel_shape = [3, 3]> (x) }`,
			want: []string{`2 outputs; TensorRT 10.0 takes at most 1`}},
		{name: "rank", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,8] x) => (float[1,1,6] y) { [n] y = AveragePool <kernel_shape = [3]> (x) }`,
			want: []string{`input "x" has 3 axes; TensorRT 10.0 takes 4 to 5`}},
		{name: "constant", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1,8] x, int64[1] a) => (float[8] y) { [n] y = Squeeze (x, a) }`,
			want: []string{`input "a" is computed; TensorRT 10.0 wants an initializer`}},
		{name: "zero point", targets: "tensorrt", model: `<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) <float s = {1}, int8 z = {3}> { [q] a = QuantizeLinear (x, s, z) [d] y = DequantizeLinear (a, s, z) }`,
			want: []string{`node "q" (QuantizeLinear): input "z" is not 0; TensorRT 10.0 wants zero points of 0 (compile --precision int8 --int8-symmetric`, `node "d"`}},
		{name: "other domain", table: "op Relu 9 *\n", model: `<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> g (float[1] x) => (float[1] y) { [n] y = com.microsoft.Gelu (x) }`,
			want: []string{`it is of domain "com.microsoft"; E 1 has a table of ai.onnx only`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list []*Table
			var err error
			if c.targets != "" {
				list, err = Tables(c.targets)
			} else {
				var table *Table
				table, err = parse("small", small+c.table)
				list = []*Table{table}
			}
			if err != nil {
				t.Fatal(err)
			}
			found, _ := Check(graph(t, c.model), list)
			if len(found) != len(c.want) {
				t.Errorf("%d violations, want %d: %v", len(found), len(c.want), found)
			}
			for i := range min(len(found), len(c.want)) {
				if text := found[i].String(); !strings.Contains(text, c.want[i]) {
					t.Errorf("%q, want %q", text, c.want[i])
				}
			}
		})
	}
}

// training compiles the published architecture.
func training(t testing.TB, filters int) *onnx.Model {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: filters, Classes: 19, Height: 65, Width: 97, Batch: 1, Form: compile.TrainingForm, Seed: 1, ClassNames: classNames(), Dataset: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func classNames() []string {
	var list []string
	for i := range 19 {
		list = append(list, fmt.Sprintf("class \"%d\"", i))
	}
	return list
}

// TestFormsPass compiles S, M and L in every form that the flags give, which all targets must take.
func TestFormsPass(t *testing.T) {
	tables, err := Tables(Generic)
	if err != nil {
		t.Fatal(err)
	}
	filters := []int{20, 32, 48}
	if testing.Short() {
		filters = []int{4}
	}
	for _, f := range filters {
		m := training(t, f)
		check := func(name string, m *onnx.Model) {
			found, err := Check(m, tables)
			if err != nil || len(found) > 0 {
				t.Errorf("F=%d %s: %d violations, %v: %v", f, name, len(found), err, found)
			}
		}
		check("training", m)
		for _, o := range []compile.DeployOptions{
			{},
			{Input: compile.InputUint8, Output: compile.OutputLabels},
			{Output: compile.OutputLabels, LabelType: tensor.Int32, Height: compile.DynamicAxis, Width: compile.DynamicAxis, Batch: compile.DynamicAxis},
			{Input: compile.InputUint8, Output: compile.OutputLabels, LabelType: tensor.Int64, OutputStride: 4},
			{Output: compile.OutputProbabilities, Scales: []float64{0.5, 1}, Flip: true},
			{Output: compile.OutputProbabilities, Opset: 11},
			{Output: compile.OutputLabels, Opset: 20, Passes: compile.PassOptions{With: []string{"upsampled-conv", "channels-last-labels"}}},
			{Passes: compile.PassOptions{With: []string{"integer-resize"}}},
		} {
			d, err := compile.Deploy(m, o)
			if err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprintf("%+v", o), d)
		}
		d, err := compile.Deploy(m, compile.DeployOptions{Output: compile.OutputLabels})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []precision.Options{{Kind: precision.Float16}, {Kind: precision.Int8, Symmetric: true, Pictures: grey{}}} {
			small, _, err := precision.Convert(context.Background(), d, o)
			if err != nil {
				t.Fatal(err)
			}
			check(o.Kind.String(), small)
		}
	}
}

// grey is what int8 is calibrated on here: its ranges do not matter.
type grey struct{}

func (grey) Len() int { return 1 }

func (grey) At(int) (*tensor.Tensor, error) {
	x := make([]float32, 3*65*97)
	for i := range x {
		x[i] = float32(i % 256)
	}
	return tensor.Of(x, 1, 3, 65, 97), nil
}

func TestTrtExec(t *testing.T) {
	m := training(t, 4)
	for _, c := range []struct {
		o    compile.DeployOptions
		want string
	}{
		{compile.DeployOptions{}, "trtexec --onnx='a net.onnx' --saveEngine=net.plan"},
		{compile.DeployOptions{Height: compile.DynamicAxis, Width: compile.DynamicAxis}, "trtexec --onnx='a net.onnx' --saveEngine=net.plan --minShapes=image:1x3x33x33 --optShapes=image:1x3x513x513 --maxShapes=image:1x3x1025x2049"},
		{compile.DeployOptions{Input: compile.InputUint8, Batch: compile.DynamicAxis}, "trtexec --onnx='a net.onnx' --saveEngine=net.plan --minShapes=image:1x65x97x3 --optShapes=image:1x65x97x3 --maxShapes=image:8x65x97x3"},
	} {
		d, err := compile.Deploy(m, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := TrtExec(d, "a net.onnx", "net.plan"); err != nil || got != c.want {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
	}
	half := graph(t, `<ir_version: 8, opset_import: ["" : 17]> g (float16[1] x) => (float16[1] y) <float16[1] w = {1}> { y = Add (x, w) }`)
	if got, err := TrtExec(half, "h.onnx", "h.plan"); err != nil || got != "trtexec --onnx=h.onnx --saveEngine=h.plan --fp16" {
		t.Errorf("%q, %v", got, err)
	}
	quantised := graph(t, `<ir_version: 8, opset_import: ["" : 17]> g (float[n] x) => (float[n] y) <float s = {1}, int8 z = {0}> { a = QuantizeLinear (x, s, z) y = DequantizeLinear (a, s, z) }`)
	if got, err := TrtExec(quantised, "q.onnx", "q.plan"); err != nil || got != "trtexec --onnx=q.onnx --saveEngine=q.plan --minShapes=x:1 --optShapes=x:1 --maxShapes=x:8 --int8 --fp16" {
		t.Errorf("%q, %v", got, err)
	}
}

// tritonMessage describes what of Triton's model_config.proto a config.pbtxt of ours uses. The text form knows names and
// types only, so the numbers are free.
func tritonMessage(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	field := func(n int32, name string, kind descriptorpb.FieldDescriptorProto_Type, repeated bool, of string) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &n, Type: &kind, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if repeated {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		if of != "" {
			f.TypeName = proto.String(".inference." + of)
		}
		return f
	}
	const (
		text, number, integer = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_INT32, descriptorpb.FieldDescriptorProto_TYPE_INT64
		enum, message         = descriptorpb.FieldDescriptorProto_TYPE_ENUM, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	)
	types := &descriptorpb.EnumDescriptorProto{Name: proto.String("DataType")}
	for i, name := range strings.Fields("TYPE_INVALID TYPE_BOOL TYPE_UINT8 TYPE_UINT16 TYPE_UINT32 TYPE_UINT64 TYPE_INT8 TYPE_INT16 TYPE_INT32 TYPE_INT64 TYPE_FP16 TYPE_FP32 TYPE_FP64 TYPE_STRING TYPE_BF16") {
		types.Value = append(types.Value, &descriptorpb.EnumValueDescriptorProto{Name: &name, Number: proto.Int32(int32(i))})
	}
	value := []*descriptorpb.FieldDescriptorProto{field(1, "name", text, false, ""), field(2, "data_type", enum, false, "DataType"), field(3, "dims", integer, true, "")}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("model_config.proto"), Package: proto.String("inference"), Syntax: proto.String("proto3"), EnumType: []*descriptorpb.EnumDescriptorProto{types},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("ModelInput"), Field: value},
			{Name: proto.String("ModelOutput"), Field: append(slices.Clone(value), field(4, "label_filename", text, false, ""))},
			{Name: proto.String("ModelDynamicBatching")},
			{Name: proto.String("ModelConfig"), Field: []*descriptorpb.FieldDescriptorProto{
				field(1, "name", text, false, ""), field(2, "platform", text, false, ""), field(4, "max_batch_size", number, false, ""),
				field(5, "input", message, true, "ModelInput"), field(6, "output", message, true, "ModelOutput"), field(11, "dynamic_batching", message, false, "ModelDynamicBatching"),
			}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().ByName("ModelConfig")
}

func TestTriton(t *testing.T) {
	dir := t.TempDir()
	m, err := compile.Deploy(training(t, 4), compile.DeployOptions{Input: compile.InputUint8, Output: compile.OutputLabels, Batch: compile.DynamicAxis, Height: compile.DynamicAxis, Width: compile.DynamicAxis})
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range []string{"1", "2", "3"} {
		d, err := WriteTriton(dir, `se"g`, "onnxruntime", m, onnx.SaveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Version != want || d.Plan != "" || d.Model != filepath.Join(dir, `se"g`, want, "model.onnx") {
			t.Errorf("version %d: %+v", version, d)
		}
		if _, err := onnx.Load(d.Model, onnx.LoadOptions{}); err != nil {
			t.Error(err)
		}
	}
	config, err := os.ReadFile(filepath.Join(dir, `se"g`, "config.pbtxt"))
	if err != nil {
		t.Fatal(err)
	}
	message := dynamicpb.NewMessage(tritonMessage(t))
	if err := prototext.Unmarshal(config, message); err != nil {
		t.Fatalf("%v in\n%s", err, config)
	}
	want := `name:"se\"g" platform:"onnxruntime_onnx" max_batch_size:8 input:{name:"image" data_type:TYPE_UINT8 dims:-1 dims:-1 dims:3} ` +
		`output:{name:"labels" data_type:TYPE_UINT8 dims:-1 dims:-1 label_filename:"labels.txt"} dynamic_batching:{}`
	wanted := dynamicpb.NewMessage(tritonMessage(t))
	if err := prototext.Unmarshal([]byte(want), wanted); err != nil {
		t.Fatal(err)
	}
	if prototext.Format(message) != prototext.Format(wanted) {
		t.Errorf("%s\nwant\n%s", prototext.Format(message), prototext.Format(wanted))
	}
	labels, err := os.ReadFile(filepath.Join(dir, `se"g`, "labels.txt"))
	if err != nil || strings.Count(string(labels), "\n") != 19 {
		t.Errorf("labels %q, %v", labels, err)
	}

	fixed, err := compile.Deploy(training(t, 4), compile.DeployOptions{Output: compile.OutputProbabilities})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WriteTriton(dir, `se"g`, "onnxruntime", fixed, onnx.SaveOptions{}); err == nil || !strings.Contains(err.Error(), "another configuration") {
		t.Errorf("another interface under the same name: %v", err)
	}
	d, err := WriteTriton(dir, "fixed", "tensorrt", fixed, onnx.SaveOptions{External: onnx.ExternalAlways})
	if err != nil {
		t.Fatal(err)
	}
	if d.Plan != filepath.Join(dir, "fixed", "1", "model.plan") {
		t.Errorf("%+v", d)
	}
	if _, err := onnx.Load(d.Model, onnx.LoadOptions{}); err != nil {
		t.Error(err)
	}
	config, _ = os.ReadFile(filepath.Join(dir, "fixed", "config.pbtxt"))
	for _, line := range []string{`platform: "tensorrt_plan"`, "max_batch_size: 0", "dims: [ 1, 3, 65, 97 ]", "dims: [ 1, 19, 65, 97 ]", "TYPE_FP32"} {
		if !strings.Contains(string(config), line) {
			t.Errorf("config.pbtxt lacks %s:\n%s", line, config)
		}
	}
	for _, name := range []string{"", "..", "a/b", ".hidden"} {
		if _, err := WriteTriton(dir, name, "", fixed, onnx.SaveOptions{}); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTritonFailure has the repository's disk fail: nothing may be left.
func TestTritonFailure(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root writes everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteTriton(dir, "net", "", training(t, 4), onnx.SaveOptions{}); err == nil {
		t.Error("a folder that cannot be written to is written to")
	}
}
