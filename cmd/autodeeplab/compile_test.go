package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/decode"
	"autodeeplab/fixtures"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
)

// TestCompile compiles the published architecture, narrow, in every form and kind of size, and looks at what was written.
func TestCompile(t *testing.T) {
	for _, test := range []struct {
		args          string
		form          string
		input, output string
		opset         int
	}{
		{"--input-size 33x65", "inference", "float[1,3,33,65]", "float[1,19,33,65]", 17},
		{"--input-size 64x96 --classes 2 --opset 11", "inference", "float[1,3,64,96]", "float[1,2,64,96]", 11},
		{"--input-size 49x33 --batch 2 --form training", "training", "float[2,3,49,33]", "float[2,19,49,33]", 17},
		{"--input-size dynamic", "inference", "float[1,3,height,width]", "float[1,19,height,width]", 17},
		{"--input-size dynamic --batch dynamic --form training --opset 18", "training", "float[batch,3,height,width]", "float[batch,19,height,width]", 18},
		{"--input-size 33x33 --batch dynamic", "inference", "float[batch,3,33,33]", "float[batch,19,33,33]", 17},
	} {
		t.Run(test.args, func(t *testing.T) {
			dir := t.TempDir()
			answer := succeed(t, dir, "compile --filters 4 -o DIR/net.onnx "+test.args)
			if !strings.HasPrefix(answer, filepath.Join(dir, "net.onnx")+": "+test.form+" form, ") || strings.Count(answer, "\n") != 1 {
				t.Errorf("compile says %q", answer)
			}
			if names := listing(t, dir); !slices.Equal(names, []string{"net.onnx"}) {
				t.Errorf("the folder holds %v", names)
			}
			m := load(t, filepath.Join(dir, "net.onnx"))
			for _, f := range check.Model(m, check.Options{}) {
				t.Error(f)
			}
			g := m.GetGraph()
			if len(g.GetInput()) != 1 || len(g.GetOutput()) != 1 {
				t.Fatalf("%d inputs, %d outputs", len(g.GetInput()), len(g.GetOutput()))
			}
			for _, v := range []struct {
				value *onnx.ValueInfo
				want  string
			}{{g.GetInput()[0], test.input}, {g.GetOutput()[0], test.output}} {
				if info, err := check.Declared(v.value); err != nil || info.String() != v.want {
					t.Errorf("%s is %s (%v), want %s", v.value.GetName(), &info, err, v.want)
				}
			}
			norms := 0
			for _, n := range g.GetNode() {
				if n.GetOpType() == "BatchNormalization" {
					norms++
				}
			}
			if test.form == "inference" && norms != 0 || test.form == "training" && norms == 0 {
				t.Errorf("the %s form has %d batch normalisations", test.form, norms)
			}
			if have := onnx.Metadata(m)[compile.KeyForm]; have != test.form || onnx.Opset(m) != test.opset {
				t.Errorf("form %s, opset %d, want %s and %d", have, onnx.Opset(m), test.form, test.opset)
			}
			if a, err := compile.Architecture(m); err != nil || !a.Equal(decode.Published()) {
				t.Errorf("the architecture in the metadata is %v (%v)", a, err)
			}
		})
	}
}

// TestCompileIsReproducible compiles a network anew, over what stood there, with another seed, and from an .onnx.
func TestCompileIsReproducible(t *testing.T) {
	dir := folder(t)
	const flags = " --filters 4 --classes 3 --input-size 33x33 "
	succeed(t, dir, "compile DIR/small.json -o DIR/a.onnx --seed 7"+flags)
	first := read(t, filepath.Join(dir, "a.onnx"))
	same := func(what, name string, want bool) {
		t.Helper()
		if bytes.Equal(first, read(t, filepath.Join(dir, name))) != want {
			t.Errorf("%s: same bytes %v, want %v", what, !want, want)
		}
	}

	put(t, dir, map[string][]byte{"b.onnx": bytes.Repeat([]byte("old"), 1<<20)})
	succeed(t, dir, "compile DIR/small.json -o DIR/b.onnx --seed 7"+flags)
	same("the same seed, over an older file", "b.onnx", true)
	succeed(t, dir, "compile DIR/small.json -o DIR/c.onnx --seed 8"+flags)
	same("another seed", "c.onnx", false)
	succeed(t, dir, "compile DIR/a.onnx -o DIR/d.onnx --seed 7"+flags)
	same("the architecture of an .onnx", "d.onnx", true)
	succeed(t, dir, "compile DIR/a.onnx -o DIR/a.onnx --seed 7"+flags)
	same("over the file that was read", "a.onnx", true)

	want, err := decode.Unmarshal([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := compile.Architecture(load(t, filepath.Join(dir, "a.onnx"))); err != nil || !a.Equal(want) {
		t.Errorf("the architecture in the metadata is %v (%v), want %v", a, err, want)
	}
	for _, name := range listing(t, dir) {
		if strings.Contains(name, ".tmp") {
			t.Errorf("%s was left", name)
		}
	}
}

// TestCompileWeights takes weights from a training form into a network of another input size.
func TestCompileWeights(t *testing.T) {
	dir := folder(t)
	succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size 33x33 --form training --seed 5 -o DIR/train.onnx")
	succeed(t, dir, "compile DIR/train.onnx --weights DIR/train.onnx --filters 4 --classes 3 --input-size 65x33 --form training --seed 6 -o DIR/wide.onnx")
	was, is := onnx.Initializers(load(t, filepath.Join(dir, "train.onnx")).GetGraph()), onnx.Initializers(load(t, filepath.Join(dir, "wide.onnx")).GetGraph())
	compared := 0
	for name, w := range was {
		if !strings.HasSuffix(name, "/sizes") { // of feature maps, which are others
			compared++
			if !proto.Equal(w, is[name]) {
				t.Errorf("%s differs", name)
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d of %d initializers were compared", compared, len(was))
	}
	succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size 33x33 -o DIR/inference.onnx")
	fail(t, dir, "compile DIR/small.json --weights DIR/train.onnx --filters 8 --classes 3 --input-size 33x33 -o DIR/new.onnx", exitFailure, "weight")
	fail(t, dir, "compile DIR/small.json --weights DIR/inference.onnx --filters 4 --classes 3 --input-size 33x33 -o DIR/new.onnx", exitFailure, "--weights", "inference.onnx")
	fail(t, dir, "compile DIR/small.json --weights DIR/none.onnx --filters 4 --classes 3 --input-size 33x33 -o DIR/new.onnx", exitFailure, "none.onnx")
}

// TestCompileStatistics measures batch statistics on the sample picture: they are no longer 0 and 1, in all but what the
// picture does not reach.
func TestCompileStatistics(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"photos/": nil, "empty/": nil})
	put(t, dir, map[string][]byte{"photos/street.jpg": fixtures.SampleJPEG})
	const flags = " --filters 4 --classes 3 --input-size 33x33 --form training "
	succeed(t, dir, "compile DIR/small.json -o DIR/plain.onnx"+flags)
	succeed(t, dir, "compile DIR/small.json -o DIR/fitted.onnx --bn-images DIR/street.jpg --threads 1"+flags)
	succeed(t, dir, "compile DIR/small.json -o DIR/folder.onnx --bn-images DIR/photos --threads 2"+flags)
	if !bytes.Equal(read(t, filepath.Join(dir, "fitted.onnx")), read(t, filepath.Join(dir, "folder.onnx"))) {
		t.Error("one picture and a folder of it, on one thread and two, give different files")
	}
	was, is := onnx.Initializers(load(t, filepath.Join(dir, "plain.onnx")).GetGraph()), onnx.Initializers(load(t, filepath.Join(dir, "fitted.onnx")).GetGraph())
	changed, same := 0, 0
	for name, w := range was {
		switch equal := proto.Equal(w, is[name]); {
		case strings.HasSuffix(name, "mean") || strings.HasSuffix(name, "variance"):
			if !equal {
				changed++
			} else {
				t.Errorf("%s is as it was", name)
			}
		case !equal:
			t.Errorf("%s is no statistic, and changed", name)
		default:
			same++
		}
	}
	if changed < 20 || same < 20 {
		t.Errorf("%d statistics changed, %d weights stayed", changed, same)
	}
	fail(t, dir, "compile DIR/small.json -o DIR/new.onnx --bn-images DIR/none.jpg"+flags, exitFailure, "--bn-images", "none.jpg: no such file")
	fail(t, dir, "compile DIR/small.json -o DIR/new.onnx --bn-images DIR/empty"+flags, exitFailure, "empty: no pictures")
	fail(t, dir, "compile DIR/small.json -o DIR/new.onnx --bn-images DIR/small.json"+flags, exitFailure, "small.json: not a picture")
}

func TestCompileDataset(t *testing.T) {
	dir := folder(t)
	succeed(t, dir, "compile DIR/small.json --filters 4 --dataset voc --input-size 33x33 -o DIR/voc.onnx")
	voc, err := dataset.ByName("voc")
	if err != nil {
		t.Fatal(err)
	}
	m := onnx.Metadata(load(t, filepath.Join(dir, "voc.onnx")))
	names, palette, err := compile.Classes(m)
	if err != nil || m[compile.KeyDataset] != "voc" || !slices.Equal(names, voc.ClassNames) || !slices.Equal(palette, voc.Palette) {
		t.Errorf("%v: %s, %v, %v", err, m[compile.KeyDataset], names, palette)
	}
}

// TestCompileFailureKeepsFile shows that what stood at -o survives a failure.
func TestCompileFailureKeepsFile(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"net.onnx": []byte("precious"), "bad.json": []byte("{}")})
	fail(t, dir, "compile DIR/bad.json -o DIR/net.onnx", exitFailure, "bad.json", "format")
	fail(t, dir, "compile DIR/tiny.onnx -o DIR/net.onnx", exitFailure, "tiny.onnx", compile.KeyArchitecture)
	fail(t, dir, "compile DIR/none.json -o DIR/net.onnx", exitFailure, "none.json: no such file")
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	fail(t, dir, "compile DIR/folder.json -o DIR/net.onnx", exitFailure, "folder.json")
}
