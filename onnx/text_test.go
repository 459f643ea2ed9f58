package onnx

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

var update = flag.Bool("update", false, "write the golden files")

// readModel reads a fixture without Load's demands, since some are made to be no good model.
func readModel(t testing.TB, path string) *Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := new(Model)
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func format(t testing.TB, m *Model, o TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Format(&b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, path, have string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), have); diff != "" {
		t.Errorf("%s (-want +have; -update writes it anew):\n%s", path, diff)
	}
}

// The models are made by testdata/text.py, which also has onnx.parser read what Format printed (X.parsed.onnx).
func TestFormat(t *testing.T) {
	for _, name := range []string{"net", "dtypes", "attributes", "types", "function", "unwritten"} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join("testdata", "format", name)
			m := readModel(t, base+".onnx")
			full := format(t, m, TextOptions{Full: true})
			golden(t, base+".txt", full)
			golden(t, base+".short.txt", format(t, m, TextOptions{}))
			parsed, err := Parse(full)
			if err != nil {
				t.Fatal(err)
			}
			theirs := readModel(t, base+".parsed.onnx")
			if diff := cmp.Diff(theirs, parsed, protocmp.Transform(), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("onnx.parser and Parse read different models (-theirs +ours):\n%s", diff)
			}
			sameModel(t, m, parsed)
			if again := format(t, parsed, TextOptions{Full: true}); again != beforeNote(full) {
				t.Errorf("printed again (-first +second):\n%s", cmp.Diff(beforeNote(full), again))
			}
		})
	}
}

// beforeNote cuts the comment about what the text leaves out.
func beforeNote(text string) string {
	text, _, _ = strings.Cut(text, "# not written")
	return text
}

// sameModel compares two models up to where tensors keep their elements and what the syntax cannot say.
func sameModel(t *testing.T, want, have *Model) {
	t.Helper()
	norm := func(m *Model) *Model {
		m = proto.CloneOf(m)
		err := eachTensor(m, func(p *TensorPB) error {
			v, err := Decode(p)
			if err != nil {
				return nil // a type that Tensor does not hold: compared as it is
			}
			enc := Encode(p.GetName(), v)
			proto.Reset(p)
			proto.Merge(p, enc)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	want, have = norm(want), norm(have)
	if proto.Equal(want, have) {
		return
	}
	ignore := []cmp.Option{protocmp.Transform(), cmpopts.EquateNaNs()}
	for _, msg := range []proto.Message{&Graph{}, &Node{}, &ValueInfo{}, &Attribute{}, &TensorPB{}} {
		ignore = append(ignore, protocmp.IgnoreFields(msg, "doc_string"))
		if msg.ProtoReflect().Descriptor().Fields().ByName("metadata_props") != nil {
			ignore = append(ignore, protocmp.IgnoreFields(msg, "metadata_props"))
		}
	}
	if diff := cmp.Diff(want, have, ignore...); diff != "" {
		t.Errorf("the text says something else than the model (-model +text):\n%s", diff)
	}
}

func TestFormatAbbreviates(t *testing.T) {
	m := readModel(t, "testdata/format/net.onnx")
	short := format(t, m, TextOptions{})
	if n := strings.Count(short, ellipsis); n != 1 {
		t.Errorf("%d tensors are abbreviated, want 1:\n%s", n, short)
	}
	if _, err := Parse(short); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("parsing an abbreviated text gives %v", err)
	}
	if n := strings.Count(format(t, m, TextOptions{MaxElems: 1}), ellipsis); n != 6 {
		t.Errorf("with MaxElems 1, %d tensors are abbreviated, want 6", n)
	}
	if n := strings.Count(format(t, m, TextOptions{MaxElems: 1000}), ellipsis); n != 0 {
		t.Errorf("with MaxElems 1000, %d tensors are abbreviated, want 0", n)
	}
}

// What onnx.parser cannot read, Parse must read all the same.
func TestFormatExtensions(t *testing.T) {
	text := `<
   ir_version: 8,
   opset_import: ["" : 17]
>
g () => ()
   <undefined[2] u = {},
    float[1] "odd\\name" = {1},
    undefined[N] v>
{
   a = "my-domain".x."an op" <"odd.attr" = 1, t = float[1] "a/b" {1}, ts: tensors = [float {1}, int64[1] n {2}]> (b)
   c = If (d) <then_branch: graph = "float" () => (e) {
      e = F ()
   }, gs: graphs = [x () => () {
   }, "y z" () => () {
   }], tps: type_protos = [float[2], seq(int8)]>
}
`
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if have := format(t, m, TextOptions{Full: true}); have != text {
		t.Errorf("(-want +have):\n%s", cmp.Diff(text, have))
	}
}

// A model that came from nowhere good must still be printed.
func TestFormatBrokenModels(t *testing.T) {
	for name, m := range map[string]*Model{
		"nothing":  {},
		"nil":      nil,
		"no names": {Graph: &Graph{Node: []*Node{{}, {Attribute: []*Attribute{{}, {Type: 99}, {Type: 4}, {Type: 5}}}}, Input: []*ValueInfo{{}}, Initializer: []*TensorPB{{}}}},
		"bad raw":  {Graph: &Graph{Initializer: []*TensorPB{{DataType: 1, Dims: []int64{-1}, RawData: []byte{1, 2, 3}}, {DataType: 22, RawData: []byte{1}}, {DataType: 77, RawData: []byte{1}}, {DataType: 16, RawData: make([]byte, 99)}}}},
		"big typed": {Graph: &Graph{Initializer: []*TensorPB{
			{DataType: 1, Dims: []int64{20}, FloatData: make([]float32, 20)}, {DataType: 1, Dims: []int64{1 << 40}, FloatData: make([]float32, 20)}}}},
	} {
		for _, o := range []TextOptions{{}, {Full: true}} {
			if text := format(t, m, o); !strings.HasPrefix(text, "<\n") {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
}

func TestFormatReportsWriteErrors(t *testing.T) {
	full := errors.New("no space")
	w := writerFunc(func([]byte) (int, error) { return 0, full })
	if err := Format(w, readModel(t, "testdata/format/net.onnx"), TextOptions{}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
