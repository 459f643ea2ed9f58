package main

import (
	"bytes"
	"fmt"
	"image"
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

// TestCompileIsReproducible compiles a network anew, over what stood there, with another seed, and out of itself.
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
	succeed(t, dir, "compile DIR/a.onnx -o DIR/d.onnx")
	same("an .onnx of which nothing is asked", "d.onnx", true)
	succeed(t, dir, "compile DIR/a.onnx -o DIR/wide.onnx --input-size 65x49 --output labels")
	succeed(t, dir, "compile DIR/small.json -o DIR/direct.onnx --seed 7 --filters 4 --classes 3 --input-size 65x49 --output labels")
	if !bytes.Equal(read(t, filepath.Join(dir, "wide.onnx")), read(t, filepath.Join(dir, "direct.onnx"))) {
		t.Error("another size and output of an .onnx are not those of its architecture")
	}
	succeed(t, dir, "compile DIR/a.onnx -o DIR/a.onnx")
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
	succeed(t, dir, "compile DIR/train.onnx --input-size 65x33 --form training -o DIR/wide.onnx")
	succeed(t, dir, "compile DIR/small.json --weights DIR/train.onnx --filters 4 --classes 3 --input-size 65x33 --form training --seed 6 -o DIR/given.onnx")
	if a, b := load(t, filepath.Join(dir, "wide.onnx")).Graph, load(t, filepath.Join(dir, "given.onnx")).Graph; !proto.Equal(a, b) {
		t.Error("a training form of another size is not its architecture with its weights")
	}
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
	fail(t, dir, "compile DIR/tiny.onnx --batch 3 -o DIR/net.onnx", exitUsage, "tiny.onnx", "fixed at 1 and cannot become 3", "not made by autodeeplab (--batch)")
	fail(t, dir, "compile DIR/none.json -o DIR/net.onnx", exitFailure, "none.json: no such file")
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	fail(t, dir, "compile DIR/folder.json -o DIR/net.onnx", exitFailure, "folder.json")
}

// TestCompileForms gives a training form and an inference form the same flags, which must give networks of one
// interface, and runs them on the sample picture: the masks must be those of the plain network, up to what the form
// changes.
func TestCompileForms(t *testing.T) {
	dir := folder(t)
	const network = "compile DIR/small.json --filters 4 --classes 3 --seed 5 --bn-images DIR/street.jpg --input-size 65x97 "
	succeed(t, dir, network+"-o DIR/train.onnx --form training")
	succeed(t, dir, network+"-o DIR/plain.onnx")
	mask := func(model, flags string) []uint8 {
		succeed(t, dir, "run DIR/"+model+" DIR/street.jpg -o DIR/out "+flags)
		return decodePNG(t, filepath.Join(dir, "out", "street_mask.png")).(*image.Paletted).Pix
	}
	want := mask("plain.onnx", "")
	for _, test := range []struct {
		flags, input, output, run string
		least                     float64 // share of the pixels of the same class
	}{
		{"", "float[1,3,65,97]", "float[1,3,65,97]", "", 1},
		// Bytes are rounded, and so is the grey beside the picture.
		{"--input uint8 --check-passes", "uint8[1,65,97,3]", "float[1,3,65,97]", "", 0.98},
		{"--output probabilities --opset 12", "float[1,3,65,97]", "float[1,3,65,97]", "", 0.99},
		{"--output labels", "float[1,3,65,97]", "uint8[1,65,97]", "", 0.9},
		{"--output labels --label-type int64 --input uint8 --with-pass channels-last-labels --skip-pass pooled-bias", "uint8[1,65,97,3]", "int64[1,65,97]", "", 0.9},
		{"--output-stride 4 --batch dynamic", "float[batch,3,65,97]", "float[batch,3,17,25]", "", 0.99},
		{"--output labels --label-type int32 --output-stride 4", "float[1,3,65,97]", "int32[1,17,25]", "", 0.7},
		// Another picture size is another result, but not by much.
		{"--input-size dynamic --input uint8 --output labels", "uint8[1,height,width,3]", "uint8[1,height,width]", "--max-side 97", 0.5},
		{"--flip --multi-scale 0.75,1 --output probabilities", "float[1,3,65,97]", "float[1,3,65,97]", "", 0.6},
	} {
		for _, from := range []string{"plain.onnx", "train.onnx"} {
			if testing.Short() && from == "train.onnx" {
				continue
			}
			answer := succeed(t, dir, "compile DIR/"+from+" -o DIR/form.onnx "+test.flags)
			m := load(t, filepath.Join(dir, "form.onnx"))
			if f := check.Model(m, check.Options{}); len(f) > 0 {
				t.Errorf("%s of %s: %v", test.flags, from, f[0])
			}
			in, out := must(check.Declared(m.Graph.Input[0])), must(check.Declared(m.Graph.Output[0]))
			if in.String() != test.input || out.String() != test.output {
				t.Errorf("%s of %s: %s to %s, want %s to %s", test.flags, from, &in, &out, test.input, test.output)
			}
			if !strings.Contains(answer, fmt.Sprintf("inference form, %s to %s %s, ", test.input, m.Graph.Output[0].GetName(), test.output)) {
				t.Errorf("compile says %q", answer)
			}
			same, got := 0, mask("form.onnx", test.run)
			for i, v := range got {
				if v == want[i] {
					same++
				}
			}
			share := float64(same) / float64(len(want))
			t.Logf("%s of %s: %.4f of the mask is the same", test.flags, from, share)
			if share < test.least {
				t.Errorf("%s of %s: %.4f of the mask is the same, want %g", test.flags, from, share, test.least)
			}
		}
	}
	succeed(t, dir, network+"-o DIR/old.onnx --opset 11 --output labels")
	if m := load(t, filepath.Join(dir, "old.onnx")); onnx.Opset(m) != 11 {
		t.Errorf("opset %d, want 11", onnx.Opset(m))
	}
}

// TestCompileDumps prints the graph after passes, and the table of passes.
func TestCompileDumps(t *testing.T) {
	dir := folder(t)
	answer := succeed(t, dir, "compile DIR/small.json --filters 2 --classes 3 --input-size 33x33 -o DIR/net.onnx --dump-after lower,fold-batchnorm")
	lower, after, ok := strings.Cut(answer, "// after fold-batchnorm\n")
	if !ok || !strings.HasPrefix(lower, "// after lower\n<") || !strings.Contains(lower, "BatchNormalization") || strings.Contains(after, "BatchNormalization") ||
		!strings.HasSuffix(after, "ai.onnx 17\n") {
		t.Errorf("the answer is %.300q", answer)
	}
	golden(t, "passes.txt", "", succeed(t, "", "compile --list-passes"))
}

// TestCompileExternal moves the weights out of the .onnx.
func TestCompileExternal(t *testing.T) {
	dir := folder(t)
	succeed(t, dir, "compile DIR/small.json --filters 2 --classes 3 --input-size 33x33 -o DIR/net.onnx")
	succeed(t, dir, "compile DIR/net.onnx -o DIR/outside.onnx --external-data always")
	if _, err := os.Stat(filepath.Join(dir, "outside.onnx.data")); err != nil {
		t.Fatal(err)
	}
	succeed(t, dir, "compile DIR/outside.onnx -o DIR/inside.onnx")
	if !bytes.Equal(read(t, filepath.Join(dir, "net.onnx")), read(t, filepath.Join(dir, "inside.onnx"))) {
		t.Error("the network is another one after it went out and in again")
	}
}

// TestCompileRefuses lists what cannot be had, with what the error must say.
func TestCompileRefuses(t *testing.T) {
	dir := folder(t)
	succeed(t, dir, "compile DIR/small.json --filters 2 --classes 3 --input-size 33x33 -o DIR/net.onnx")
	succeed(t, dir, "compile DIR/net.onnx --output labels -o DIR/labels.onnx")
	for _, test := range []struct {
		args string
		want []string
	}{
		{"DIR/net.onnx --size M", []string{"net.onnx", "--size is for an architecture"}},
		{"DIR/net.onnx --weights DIR/net.onnx", []string{"--weights is for an architecture"}},
		{"DIR/net.onnx --form training", []string{"--form training", "want an architecture or a training form"}},
		{"DIR/net.onnx --bn-images DIR/street.jpg", []string{"--bn-images", "want an architecture or a training form"}},
		{"DIR/net.onnx --dataset voc", []string{"21 class names for 3 classes (--dataset)"}},
		{"DIR/net.onnx --dataset coco", []string{"--dataset", "ade20k"}},
		{"DIR/net.onnx --mean 1,2,3", []string{"has its normalisation inside (--mean, --std)"}},
		{"DIR/net.onnx --input-size 8x33", []string{"input height 8, want 9 to 65536", "--input-size"}},
		{"DIR/labels.onnx --output logits", []string{"the model gives labels, of which no logits can be made"}},
		{"DIR/labels.onnx --label-type float", []string{`"float"`, "want uint8, int32 or int64 (--label-type)"}},
		{"DIR/small.json --form training --input uint8", []string{"a training form takes float pictures", "--form inference"}},
		{"DIR/small.json --form training --check-passes --dump-after lower", []string{"--dump-after"}},
		{"DIR/small.json --input int8", []string{`"int8"`, "want float, uint8 (--input)"}},
		{"DIR/small.json --output DIR/net.onnx", []string{"want logits, probabilities, labels (--output)", "the file to write is -o "}},
		{"DIR/small.json --output-stride 8", []string{"want 1 or 4 (--output-stride)"}},
		{"DIR/small.json --flip", []string{"--flip", "need --output probabilities or labels"}},
		{"DIR/small.json --multi-scale big", []string{"--multi-scale big: want numbers", "paper"}},
		{"DIR/small.json --multi-scale 0.1 --output labels --input-size 33x33", []string{"at scale 0.1 (--multi-scale)", "input height 4, want 9"}},
		{"DIR/small.json --external-data sometimes", []string{"want auto, always or never"}},
		{"DIR/small.json --skip-pass fold-batchnorm", []string{"the inference form needs fold-batchnorm", "(--skip-pass, --with-pass)"}},
		{"DIR/small.json --with-pass everything", []string{`no pass "everything"`}},
		{"DIR/small.json --dump-after everything", []string{"--dump-after"}},
		{"DIR/small.json --opset 27", []string{"want 11 to 26 (--opset)"}},
	} {
		fail(t, dir, "compile "+test.args+" -o DIR/new.onnx", exitUsage, test.want...)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
