package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/internal/limits"
	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// hostile is a name that, printed as it is, would end its line, forge another, colour the terminal, set its title, turn
// the direction of writing and end a C string.
const hostile = "x\nautodeeplab: forged\r\x1b[31m\x1b]0;title\a\u202e\u2066\u009b1m\x00\u2028y"

// escaped is how it may come out, whole; it may also be cut short.
const escaped = `x\nautodeeplab: forged\r\x1b[31m\x1b]0;title\a\u202e\u2066\u009b1m\x00\u2028y`

// hostileModels put the name into every place of a model that some command prints, or complains about.
var hostileModels = map[string]*onnx.Model{
	"names": func() *onnx.Model { // a good model, whose names are all hostile
		m := changed(func(g *onnx.Graph) {
			g.Name = hostile
			g.Input[0].Name = hostile + "in"
			g.Input[0].Type.GetTensorType().Shape.Dim[2] = onnx.NamedDim(hostile + "h")
			g.Output[0].Name = hostile + "out"
			g.Output[0].Type.GetTensorType().Shape.Dim[2] = onnx.NamedDim(hostile + "h")
			g.Node = []*onnx.Node{onnx.NewNode("Conv", hostile, []string{hostile + "in", hostile + "w"}, []string{hostile + "out"})}
			g.Initializer = []*onnx.TensorPB{onnx.Encode(hostile+"w", tensor.Of([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3, 1, 1))}
			g.DocString = hostile
		})
		m.ProducerName, m.ProducerVersion, m.DocString, m.Domain = hostile, hostile, hostile, hostile
		onnx.SetMetadata(m, hostile, hostile)
		return m
	}(),
	"classes": func() *onnx.Model {
		m := tiny()
		onnx.SetMetadata(m, compile.KeyClassNames, `["x\nautodeeplab: forged\r\u001b[31m\u202e\u0000","b","c"]`)
		onnx.SetMetadata(m, compile.KeyDataset, hostile)
		return m
	}(),
	"class names":      withMetadata(compile.KeyClassNames, "["+hostile),
	"palette":          withMetadata(compile.KeyPalette, `["\u001b[31m\u202e"]`),
	"architecture":     withMetadata(compile.KeyArchitecture, `{"format": "autodeeplab.architecture", "version": 1, "\u001b[31m\u202e\n": 1}`),
	"architecture raw": withMetadata(compile.KeyArchitecture, hostile),
	"form":             withMetadata(compile.KeyForm, hostile),
	"two properties":   {IrVersion: 8, OpsetImport: tiny().OpsetImport, Graph: tiny().Graph, MetadataProps: []*onnx.Property{{Key: hostile}, {Key: hostile}}},
	"operator set":     {IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Domain: hostile, Version: -1}, {Version: 17}}, Graph: tiny().Graph},
	"function":         {IrVersion: 8, OpsetImport: tiny().OpsetImport, Graph: tiny().Graph, Functions: []*pb.FunctionProto{{Name: hostile}}},
	"operator":         changed(func(g *onnx.Graph) { g.Node[0].OpType, g.Node[0].Name = hostile, hostile }),
	"unnamed operator": changed(func(g *onnx.Graph) { g.Node[0].OpType, g.Node[0].Name = hostile, "" }),
	"domain":           changed(func(g *onnx.Graph) { g.Node[0].Domain = hostile }),
	"missing input":    changed(func(g *onnx.Graph) { g.Node[0].Input[0] = hostile }),
	"attribute":        changed(func(g *onnx.Graph) { g.Node[0].Attribute = []*onnx.Attribute{onnx.AttrInt(hostile, 1)} }),
	"attribute value": changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("Conv", hostile, []string{"image", "w"}, []string{"logits"}, onnx.AttrString("auto_pad", hostile))
		g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(make([]float32, 9), 3, 3, 1, 1))}
	}),
	"twice": changed(func(g *onnx.Graph) {
		g.Node = append(g.Node, onnx.NewNode("Relu", hostile, []string{"image"}, []string{hostile}), onnx.NewNode("Relu", hostile, []string{"image"}, []string{hostile}))
	}),
	"cycle": changed(func(g *onnx.Graph) {
		g.Node = append(g.Node, onnx.NewNode("Relu", hostile, []string{hostile + "b"}, []string{hostile + "a"}), onnx.NewNode("Relu", hostile+"2", []string{hostile + "a"}, []string{hostile + "b"}))
	}),
	"dimension": changed(func(g *onnx.Graph) {
		g.Input[0].Type.GetTensorType().Shape = &pb.TensorShapeProto{Dim: []*onnx.Dim{onnx.NamedDim(hostile)}}
	}),
	"clashing dimensions": changed(func(g *onnx.Graph) {
		g.Input = append(g.Input, onnx.NewValueInfo(hostile, tensor.Float32, []*onnx.Dim{onnx.NamedDim(hostile), onnx.FixedDim(7)}))
		g.Node[0] = onnx.NewNode("MatMul", hostile, []string{hostile, hostile}, []string{"logits"})
	}),
	"two inputs": changed(func(g *onnx.Graph) {
		g.Input = append(g.Input, onnx.NewValueInfo(hostile, tensor.Float32, []*onnx.Dim{onnx.NamedDim(hostile)}))
	}),
	"no logits": changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("ReduceSum", "", []string{"image"}, []string{hostile}, onnx.AttrInt("keepdims", 0))
		g.Output[0] = onnx.NewValueInfo(hostile, tensor.Float32, nil)
	}),
	"output": changed(func(g *onnx.Graph) { g.Output[0].Name = hostile }),
	"initializer": changed(func(g *onnx.Graph) {
		g.Initializer = []*onnx.TensorPB{{Name: hostile, DataType: 1, Dims: []int64{-1}}}
	}),
	"damaged initializer": changed(func(g *onnx.Graph) {
		g.Initializer = []*onnx.TensorPB{{Name: hostile, DataType: 1, Dims: []int64{2}, RawData: []byte{1}}}
	}),
	"external data":         external(hostile),
	"external data outside": external("../" + hostile),
	"external key": changed(func(g *onnx.Graph) {
		g.Initializer = []*onnx.TensorPB{{Name: hostile, DataType: 1, Dims: []int64{2}, DataLocation: pb.TensorProto_EXTERNAL, ExternalData: []*onnx.Property{{Key: hostile, Value: hostile}}}}
	}),
	"failing at run": changed(func(g *onnx.Graph) { // an index that only the picture's pixels say
		g.Node = []*onnx.Node{
			onnx.NewNode("Cast", hostile+"cast", []string{"image"}, []string{hostile}, onnx.AttrInt("to", int(tensor.Int64))),
			onnx.NewNode("Gather", hostile+"gather", []string{"image", hostile}, []string{hostile + "2"}),
			onnx.NewNode("ReduceSum", hostile+"sum", []string{hostile + "2", "axes"}, []string{"logits"}, onnx.AttrInt("keepdims", 0)),
		}
		g.Initializer = []*onnx.TensorPB{onnx.Encode("axes", tensor.Of([]int64{0, 1, 2}, 3))}
		g.Output[0] = onnx.NewValueInfo("logits", tensor.Float32, []*onnx.Dim{onnx.NamedDim(""), onnx.NamedDim(""), onnx.NamedDim(""), onnx.NamedDim("")})
	}),
}

func withMetadata(key, value string) *onnx.Model {
	m := tiny()
	onnx.SetMetadata(m, key, value)
	return m
}

// TestHostileNames runs every command on every hostile model: nothing but printable lines may come out, on stderr one
// at most, and no line of the model's making.
func TestHostileNames(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"photo.png": picture(8, 8)})
	plainSet(t, dir, "data")
	cited := 0
	for name, m := range hostileModels {
		path := filepath.Join(dir, "net.onnx")
		put(t, dir, map[string][]byte{"net.onnx": marshal(m)})
		for _, args := range []string{
			"show DIR/net.onnx", "show DIR/net.onnx --full", "check DIR/net.onnx", "check DIR/net.onnx DIR/net.onnx", "summary DIR/net.onnx",
			"summary DIR/net.onnx --json", "summary DIR/net.onnx --input-size 8x8", "run DIR/net.onnx DIR/photo.png -o DIR/out", "draw DIR/net.onnx -o DIR/out",
			"eval DIR/net.onnx --data DIR/data", "eval DIR/net.onnx --data DIR/data --json",
			"compile DIR/net.onnx -o DIR/new.onnx", "compile DIR/net.onnx --output labels --input uint8 --opset 20 --dump-after lower -o DIR/new.onnx",
			"compile DIR/net.onnx --input-size 33x33 --flip --output probabilities -o DIR/new.onnx",
			"compile DIR/small.json --weights DIR/net.onnx --filters 2 --classes 2 --input-size 33x33 -o DIR/new.onnx",
		} {
			o := command(t, dir, args)
			what := fmt.Sprintf("%s: %s (exit %d)", name, strings.ReplaceAll(args, "DIR/", ""), o.status)
			plain(t, what, o.stdout)
			plain(t, what, o.stderr)
			if n := strings.Count(o.stderr, "\n"); n > 1 || (n == 1) != (o.status != 0) || o.status == exitInternal {
				t.Errorf("%s: stderr is %q", what, o.stderr)
			}
			if strings.Contains(o.stdout, escaped) || strings.Contains(o.stderr, escaped) {
				cited++
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	// The names do come out: a test that never meets one would show nothing.
	if cited < 2*len(hostileModels) {
		t.Errorf("only %d command lines cited the hostile name, escaped", cited)
	}
	t.Logf("%d models, %d command lines cited the hostile name", len(hostileModels), cited)
}

// plain fails if text would do anything to a terminal but show lines, or holds a line that a name has forged.
func plain(t *testing.T, what, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if onnx.Printable(line) != line {
			t.Errorf("%s: line %d holds what does not print: %q", what, i, line)
		}
		if strings.HasPrefix(line, "autodeeplab: forged") {
			t.Errorf("%s: line %d is forged: %q", what, i, line)
		}
	}
}

// TestHostileFileNames has the names of a folder's pictures, and of files on the command line, come out escaped.
func TestHostileFileNames(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"photos/": nil})
	name := strings.ReplaceAll(hostile[:strings.IndexByte(hostile, 0)], "/", "")
	put(t, dir, map[string][]byte{"photos/" + name + ".png": picture(8, 8), name + ".onnx": []byte("no model"), name + ".json": []byte("{}")})
	answer := succeed(t, dir, "run DIR/tiny.onnx DIR/photos -o DIR/out")
	plain(t, "run", answer)
	if strings.Count(answer, "\n") != 1 || !strings.Contains(answer, `\x1b[31m`) {
		t.Errorf("the answer is %q", answer)
	}
	plainSet(t, dir, name)
	put(t, dir, map[string][]byte{name + "/classes.json": []byte(`{"classes": ["x\nautodeeplab: forged\r\u001b[31m\u202e\u0000", "b", "c"]}`)})
	for _, format := range []string{"--boundary-tolerance=0", "--json"} {
		o := commandArgs(t, "eval", dir+"/tiny.onnx", "--data", dir+"/"+name, format)
		plain(t, "eval "+format, o.stdout)
		if o.status != 0 || !strings.Contains(o.stdout, "forged") {
			t.Errorf("eval %s: exit %d, %q, %q", format, o.status, o.stdout, o.stderr)
		}
	}
	for _, args := range [][]string{
		{"eval", name + ".onnx", "--data", dir}, {"eval", dir + "/tiny.onnx", "--data", dir + "/" + name, "--save-format", name, "--save", dir}, {"eval", dir + "/tiny.onnx", "--data", hostile},
		{"show", name + ".onnx"}, {"check", name + ".onnx"}, {"summary", name + ".json"}, {"compile", name + ".json", "-o", dir + "/x.onnx"},
		{"draw", name, "-o", dir + "/" + name}, {hostile}, {"--" + name}, {"run", "--engine", name, "a", "b", "-o", "c"}, {"compile", "--size", hostile, "-o", dir + "/x.onnx"},
		{"completion", hostile}, {"draw", "--format", hostile, "-o", dir + "/x"}, {"help", hostile}, {"summary", "--input-size", hostile}, {"run", "-" + hostile},
	} {
		o := commandArgs(t, args...)
		plain(t, fmt.Sprint(args), o.stdout)
		plain(t, fmt.Sprint(args), o.stderr)
		if o.status == 0 || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, stderr %q", args, o.status, o.stderr)
		}
	}
}

// TestPrintfEscapes holds the two places through which a command's own words go.
func TestPrintfEscapes(t *testing.T) {
	var out, err strings.Builder
	a := &app{limits: limits.Default(), stdout: &answer{w: &out}, stderr: &err}
	a.printf("%s: %d\n%s", hostile, 3, "end")
	if want := escaped + ": 3\nend"; out.String() != want {
		t.Errorf("printf writes %q, want %q", out.String(), want)
	}
	a.complain("two\nlines \x1b[31m\u202e")
	if want := `autodeeplab: two lines \x1b[31m\u202e` + "\n"; err.String() != want {
		t.Errorf("complain writes %q, want %q", err.String(), want)
	}
	text, jsonErr := jsonText(map[string]string{"name": hostile + "é\U000e0041"})
	var back map[string]string
	decodeJSON(t, text, &back)
	if jsonErr != nil || back["name"] != hostile+"é\U000e0041" {
		t.Errorf("%s reads as %q (%v)", text, back, jsonErr)
	}
	plain(t, "JSON", string(text))
	if strings.Count(string(text), "\n") != 3 || !strings.Contains(string(text), `\udb40\udc41`) || !strings.Contains(string(text), "é") {
		t.Errorf("the JSON is %q", text)
	}
}
