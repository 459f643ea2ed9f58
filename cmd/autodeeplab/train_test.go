package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/train"
)

// tinyCell is an architecture of one layer.
const tinyCell = `{"format": "autodeeplab.architecture", "version": 1, "name": "tiny",
	"cell": [[{"input": 0, "op": "sep_conv_3x3"}, {"input": 1, "op": "skip_connect"}]], "path": [0]}`

const tinyTrain = " --filters 2 --batch 2 --crop 17x19 --epochs 2 --validate-every 1 --drop-path 0.9 --average 0.5 --clip 50"

// TestTrain goes from a folder of images to a trained .onnx.
func TestTrain(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	put(t, dir, map[string][]byte{"arch.json": []byte(tinyCell)})
	line := "train DIR/arch.json --data DIR/data -o DIR/out" + tinyTrain
	answer := succeed(t, dir, line)
	for _, want := range []string{"4 training and 2 validation images, 3 classes", "2 steps of 2 images an epoch", "epoch 2/2", "mIoU", "Next:", "images in"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	out := filepath.Join(dir, "out")
	summary, err := train.ReadSummary(filepath.Join(out, checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if !summary.Finished || len(summary.History) != 2 || summary.Options.Crop.Width != 19 || len(summary.History[1].IoU) != 3 {
		t.Errorf("%+v", summary)
	}
	if lines := strings.Count(string(read(t, filepath.Join(out, logFile))), "\n"); lines != 3 {
		t.Errorf("%s has %d lines, want a heading and 2 epochs", logFile, lines)
	}

	// What eval measures of the file is what the log says.
	var e evaluation
	decodeJSON(t, []byte(succeed(t, dir, "eval DIR/out/trained.onnx --data DIR/data --fit shrink --json")), &e)
	if want := summary.History[1].MIoU; math.Abs(float64(e.MIoU)-want) > 1e-6 {
		t.Errorf("eval says %v, the log %v", e.MIoU, want)
	}
	m, err := onnx.Load(filepath.Join(out, trainedFile), onnx.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	meta := onnx.Metadata(m)
	if meta["autodeeplab.form"] != "training" || meta["autodeeplab.class_names"] != `["dark","middle","bright"]` || !strings.Contains(meta["autodeeplab.architecture"], "tiny") {
		t.Errorf("metadata %v", meta)
	}
	succeed(t, dir, "compile DIR/out/best.onnx --output labels -o DIR/net.onnx")

	page := read(t, filepath.Join(out, reportFile))
	if !bytes.Contains(page, []byte("data:image/png;base64,")) || !bytes.Contains(page, []byte("middle")) || !bytes.Contains(page, []byte("<svg")) {
		t.Error("the page lacks samples, classes or figures")
	}
	succeed(t, dir, "report DIR/out")
	if !bytes.Equal(page, read(t, filepath.Join(out, reportFile))) {
		t.Error("report writes another page than train did")
	}

	// The same command gives the same files on another number of threads, and whenever it is stopped.
	files := []string{checkpointFile, trainedFile, bestFile, logFile, reportFile, "samples/epoch-0002-a.png"}
	compare := func(other string) {
		t.Helper()
		for _, name := range files {
			if !bytes.Equal(read(t, filepath.Join(out, name)), read(t, filepath.Join(dir, other, name))) {
				t.Errorf("%s differs in %s", name, other)
			}
		}
	}
	succeed(t, dir, strings.Replace(line, "DIR/out", "DIR/one", 1)+" --threads 1")
	compare("one")
	again := strings.Fields(strings.ReplaceAll(strings.Replace(line, "DIR/out", "DIR/again", 1), "DIR", dir))
	for stop := 1; ; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		stdout := &stopper{after: "steps of", cancel: cancel}
		args := again
		if stop > 1 {
			args = append(again[:len(again):len(again)], "--resume")
			stdout.after = "epoch 1/2"
		}
		var stderr bytes.Buffer
		status := execute(ctx, args, nil, stdout, &stderr)
		cancel()
		if status == 0 {
			break
		}
		if status != exitInterrupted || !strings.Contains(stdout.text, "--resume goes on") || stop > 3 {
			t.Fatalf("exit %d, stderr %q, answer\n%s", status, stderr.String(), stdout.text)
		}
	}
	compare("again")

	// A finished training that is resumed writes again what is missing.
	for _, name := range []string{logFile, trainedFile, reportFile} {
		if err := os.Remove(filepath.Join(dir, "again", name)); err != nil {
			t.Fatal(err)
		}
	}
	succeed(t, dir, strings.Replace(line, "DIR/out", "DIR/again", 1)+" --resume")
	compare("again")

	// Other weights to begin with, of other classes too.
	if text := succeed(t, dir, "train DIR/arch.json --data DIR/data -o DIR/from --init-from DIR/out/trained.onnx"+tinyTrain); !strings.Contains(text, "all weights are taken\n") {
		t.Errorf("the answer is\n%s", text)
	}
	plainSet(t, dir, "four")
	put(t, dir, map[string][]byte{"four/classes.json": []byte(`{"classes": ["dark", "middle", "bright", "none"]}`)})
	text := succeed(t, dir, "train DIR/arch.json --data DIR/four -o DIR/four-out --freeze-bn true --init-from DIR/out/checkpoint.safetensors"+tinyTrain)
	if !strings.Contains(text, "but those of another number of classes: logits/conv/weight, logits/conv/bias") {
		t.Errorf("the answer is\n%s", text)
	}
	fail(t, dir, "train DIR/out/best.onnx --data DIR/four -o DIR/tuned"+strings.Replace(tinyTrain, "--filters 2", "", 1), exitFailure, "best.onnx", "3 classes", "the data 4", "--init-from")
	fail(t, dir, "train DIR/net.onnx --data DIR/data -o DIR/tuned"+strings.Replace(tinyTrain, "--filters 2", "", 1), exitFailure, "net.onnx", "training form")
	succeed(t, dir, "train DIR/out/best.onnx --data DIR/data -o DIR/tuned"+strings.Replace(tinyTrain, "--filters 2", "", 1))

	fail(t, dir, line, exitFailure, "a training is here already", "--resume", "--restart")
	fail(t, dir, line+" --resume --rate 0.5", exitFailure, checkpointFile, "rate 0.05, want 0.5")
	fail(t, dir, "search --data DIR/data -o DIR/out --resume"+tinySearch, exitFailure, checkpointFile, "no checkpoint of a search")
	succeed(t, dir, line+" --restart --seed 9")
}

// stopper is a terminal whose user interrupts the program once it has said something.
type stopper struct {
	after, text string
	cancel      func()
}

func (s *stopper) Write(p []byte) (int, error) {
	if s.text += string(p); strings.Contains(s.text, s.after) {
		s.cancel()
	}
	return len(p), nil
}

// foreign is a network that this program has not made: two convolutions and a normalisation, of any size of batch and image.
func foreign() *onnx.Model {
	values := func(n int, at func(i int) float32) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = at(i)
		}
		return v
	}
	wave := func(i int) float32 { return 0.3 * float32(math.Sin(float64(7*i))) }
	one := func(int) float32 { return 1 }
	dims := func(c int) []*onnx.Dim {
		return []*onnx.Dim{onnx.NamedDim("n"), onnx.FixedDim(c), onnx.NamedDim("h"), onnx.NamedDim("w")}
	}
	m := tiny()
	m.MetadataProps = []*onnx.Property{{Key: "author", Value: "somebody"}}
	g := m.Graph
	g.Input[0], g.Output[0] = onnx.NewValueInfo("image", tensor.Float32, dims(3)), onnx.NewValueInfo("logits", tensor.Float32, dims(3))
	g.Node = []*onnx.Node{
		onnx.NewNode("Mul", "scale", []string{"image", "k"}, []string{"x"}),
		onnx.NewNode("Conv", "first", []string{"x", "w1"}, []string{"c"}, onnx.AttrInts("pads", 1, 1, 1, 1)),
		onnx.NewNode("BatchNormalization", "norm", []string{"c", "s", "b", "m", "v"}, []string{"n"}),
		onnx.NewNode("Relu", "relu", []string{"n"}, []string{"r"}),
		onnx.NewNode("Conv", "last", []string{"r", "w2", "b2"}, []string{"logits"}),
	}
	g.Initializer = []*onnx.TensorPB{
		onnx.Encode("k", tensor.Scalar(float32(1.0/255))), onnx.Encode("w1", tensor.Of(values(4*3*9, wave), 4, 3, 3, 3)),
		onnx.Encode("s", tensor.Of(values(4, one), 4)), onnx.Encode("b", tensor.Of(make([]float32, 4), 4)),
		onnx.Encode("m", tensor.Of(make([]float32, 4), 4)), onnx.Encode("v", tensor.Of(values(4, one), 4)),
		onnx.Encode("w2", tensor.Of(values(3*4, wave), 3, 4, 1, 1)), onnx.Encode("b2", tensor.Of(make([]float32, 3), 3)),
	}
	return m
}

// TestTrainForeign fine-tunes a network from elsewhere: it learns, and keeps what it says of itself.
func TestTrainForeign(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	put(t, dir, map[string][]byte{"net.onnx": marshal(foreign())})
	succeed(t, dir, "train DIR/net.onnx --data DIR/data --crop 36x40 --batch 2 --epochs 30 --validate-every 0 --validate-fit whole --warm-up 0 --rate 0.1 -o DIR/out")
	s, err := train.ReadSummary(filepath.Join(dir, "out", checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if first, last := s.History[0], s.History[29]; last.Loss > first.Loss/2 || last.MIoU < 0.8 {
		t.Errorf("the loss went from %.3f to %.3f, mIoU %.3f", first.Loss, last.Loss, last.MIoU)
	}
	m, err := onnx.Load(filepath.Join(dir, "out", trainedFile), onnx.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if meta := onnx.Metadata(m); meta["author"] != "somebody" || meta["autodeeplab.class_names"] != `["dark","middle","bright"]` || len(m.Graph.Node) != 5 {
		t.Errorf("metadata %v, %d nodes", meta, len(m.Graph.Node))
	}
	succeed(t, dir, "eval DIR/out/trained.onnx --data DIR/data")
}

// TestTrainBadImage meets a picture that is damaged in the middle of an epoch.
func TestTrainBadImage(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	put(t, dir, map[string][]byte{"arch.json": []byte(tinyCell)})
	line := "train DIR/arch.json --data DIR/data -o DIR/out --checkpoint-steps 1" + tinyTrain
	succeed(t, dir, strings.Replace(line, "DIR/out", "DIR/good", 1))

	// Of the four images, two make the first step of the first epoch; each is damaged in turn.
	mended := 0
	for _, name := range []string{"a.png", "b.png", "c.png", "d.png"} {
		path := filepath.Join(dir, "data/images/train", name)
		good := read(t, path)
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 0xff
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		o := command(t, dir, line+" --restart")
		if o.status != exitFailure || !strings.Contains(o.stderr, name) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, stderr %q", name, o.status, o.stderr)
		}
		o = command(t, dir, strings.Replace(line, "DIR/out", "DIR/skip", 1)+" --restart --skip-bad")
		if o.status != 0 || !strings.Contains(o.stderr, "warning: left out: ") || !strings.Contains(o.stderr, name) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, stderr %q", name, o.status, o.stderr)
		}
		if !bytes.Contains(read(t, filepath.Join(dir, "skip", reportFile)), []byte("left out: ")) {
			t.Errorf("%s: the report does not tell of it", name)
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
		// Mended, the training that stopped at it in the second step goes on as if nothing had been.
		if _, err := os.Stat(filepath.Join(dir, "out", checkpointFile)); err != nil {
			continue
		}
		mended++
		succeed(t, dir, line+" --resume")
		for _, file := range []string{checkpointFile, trainedFile, logFile} {
			if !bytes.Equal(read(t, filepath.Join(dir, "good", file)), read(t, filepath.Join(dir, "out", file))) {
				t.Errorf("%s: %s differs", name, file)
			}
		}
		if err := os.Remove(filepath.Join(dir, "out", checkpointFile)); err != nil {
			t.Fatal(err)
		}
	}
	if mended == 0 {
		t.Error("no image came up in the second step")
	}
}

// TestTrainErrors holds that each mistake is one line, and that nothing is written.
func TestTrainErrors(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	plainSet(t, dir, "lonely")
	if err := os.Remove(filepath.Join(dir, "lonely/labels/train/b.png")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string][]byte{"empty/": nil, "arch.json": []byte(tinyCell), "net.onnx": marshal(tiny()), "photo.png": picture(20, 10),
		"broken/checkpoint.safetensors": []byte("12345678")})
	for _, test := range []struct {
		args   string
		status int
		want   []string
	}{
		{"train DIR/arch.json -o DIR/out", exitUsage, []string{"--data FOLDER"}},
		{"train DIR/arch.json --data DIR/data", exitUsage, []string{"-o FOLDER"}},
		{"train DIR/none.json --data DIR/data -o DIR/out", exitFailure, []string{"none.json", "no such file"}},
		{"train DIR/photo.png --data DIR/data -o DIR/out", exitFailure, []string{"photo.png"}},
		{"train DIR/arch.json --data DIR/empty -o DIR/out", exitFailure, []string{"empty", "none of the layouts fits"}},
		{"train DIR/arch.json --data DIR/lonely -o DIR/out", exitFailure, []string{"b.png", "no labels"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --crop 8x8 --batch 5", exitFailure, []string{"step of 5", "--batch"}},
		{"train --data DIR/data -o DIR/out --crop 17", exitUsage, []string{"--crop", "33"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --crop 5", exitUsage, []string{"--crop 5", "8"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --rate fast", exitUsage, []string{"rate", "want a number"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --preset huge", exitUsage, []string{"huge", "paper or small"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --class-weights 1,2 --crop 17 --batch 2", exitFailure, []string{"2 weights, want 3"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --class-weights one", exitUsage, []string{"none, balanced"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --size S --filters 2", exitUsage, []string{"one of them"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --samples 100", exitUsage, []string{"--samples 100", "0 to 20"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --checkpoint-steps -1", exitUsage, []string{"--checkpoint-steps"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --resume", exitFailure, []string{"no training to resume"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --resume --restart", exitUsage, []string{"one of them"}},
		{"train DIR/arch.json --data DIR/data -o DIR/broken --resume --crop 17 --batch 2", exitFailure, []string{"checkpoint.safetensors", "damaged"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --crop 17 --batch 2 --filters 1 --init-from DIR/none.onnx", exitFailure, []string{"none.onnx", "no such file"}},
		{"train DIR/arch.json --data DIR/data -o DIR/out --crop 17 --batch 2 --filters 1 --init-from DIR/net.onnx", exitFailure, []string{"net.onnx", "none of the network's weights"}},
		{"train DIR/net.onnx --data DIR/data -o DIR/out --filters 3", exitUsage, []string{"--filters", "keeps its width"}},
		{"train DIR/net.onnx --data DIR/data -o DIR/out", exitFailure, []string{"net.onnx"}},
		{"train DIR/arch.json DIR/net.onnx --data DIR/data -o DIR/out", exitUsage, []string{"at most one"}},
	} {
		fail(t, dir, test.args, test.status, test.want...)
	}
}

// TestTrainDiverges holds that a rate that is far too large ends in one line that says what to change.
func TestTrainDiverges(t *testing.T) {
	dir := t.TempDir()
	plainSet(t, dir, "data")
	put(t, dir, map[string][]byte{"arch.json": []byte(tinyCell)})
	o := command(t, dir, "train DIR/arch.json --data DIR/data -o DIR/out --filters 1 --batch 2 --crop 17 --epochs 60 --validate-every 0 --rate 1000 --clip 0 --warm-up 0 --decay 1000 --threads 2")
	if o.status != exitFailure || !strings.Contains(o.stderr, "--rate, --warm-up, --clip") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("exit %d, stderr %q", o.status, o.stderr)
	}
}

// TestReadSamples shows the first, the last and some epochs between, and nothing that no training wrote.
func TestReadSamples(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"samples/epoch-x-a.png": {1}, "samples/other.png": {1}, "samples/epoch-0001-a.txt": {1}}
	for i := range 20 {
		files["samples/epoch-00"+strconv.Itoa(10+i)+"-b-1.png"] = []byte{1}
		files["samples/epoch-00"+strconv.Itoa(10+i)+"-a.png"] = []byte{2}
	}
	put(t, dir, files)
	list, err := readSamples(dir)
	if err != nil || len(list) != 2*maxSampleEpochs {
		t.Fatalf("%d samples, %v", len(list), err)
	}
	if s := list[0]; s.Epoch != 10 || s.Name != "a" || len(s.PNG) != 1 {
		t.Errorf("the first is %+v", s)
	}
	if s := list[len(list)-1]; s.Epoch != 29 || s.Name != "b-1" {
		t.Errorf("the last is %+v", s)
	}
	if list, err := readSamples(t.TempDir()); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}
