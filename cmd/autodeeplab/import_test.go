package main

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights/checkpoint"
)

// networks is the folder of the fixtures of whole networks.
const networks = "../../weights/testdata/"

// unpack puts a fixture of whole networks into a folder.
func unpack(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		f, err := os.Open(networks + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var r io.Reader = f
		plain, packed := strings.CutSuffix(name, ".gz")
		if packed {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, map[string][]byte{plain: data})
	}
}

// TestImport imports a TensorFlow checkpoint by its prefix, from its dry run to the inference form.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	unpack(t, dir, "tensorflow.ckpt.index", "tensorflow.ckpt.data-00000-of-00001.gz", "small.json")

	list := succeed(t, dir, "import DIR/tensorflow.ckpt --list")
	for _, want := range []string{"hnasnet/conv0/weights ", "DT_INT64  []", "[5,5,4,1]", "\n520 tensors, TensorFlow\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("--list lacks %q:\n%s", want, list)
		}
	}
	const flags = " --arch DIR/small.json --input-size 33x33"
	dry := succeed(t, dir, "import DIR/tensorflow.ckpt --dry-run"+flags)
	for _, want := range []string{
		"cell1/block2/branch0/skip_connect/weight ", "hnasnet/cell_1/comb_iter_2/left/1x1/weights", "HWIO to OIHW", "HWCM to CMHW",
		"the number of the training step", "a slot of the optimiser", "\nmap tensorflow: 316 of 316 tensors found, 204 of the checkpoint left out\n",
	} {
		if !strings.Contains(dry, want) {
			t.Errorf("--dry-run lacks %q", want)
		}
	}
	if names := listing(t, dir); len(names) != 3 {
		t.Errorf("--dry-run left %v", names)
	}

	answer := succeed(t, dir, "import DIR/tensorflow.ckpt.index -o DIR/net.onnx"+flags)
	if !strings.HasPrefix(answer, filepath.Join(dir, "net.onnx")+": training form, ") || strings.Count(answer, "\n") != 2 {
		t.Errorf("import says %q", answer)
	}
	m := load(t, filepath.Join(dir, "net.onnx"))
	w, err := compile.Weights(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := w["logits/conv/bias"].Shape[0]; got != 3 {
		t.Errorf("%d classes, the checkpoint has 3", got)
	}
	f, err := checkpoint.Open(filepath.Join(dir, "tensorflow.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range f.Tensors {
		if f.Tensors[i].Name != "hnasnet/conv0/weights" {
			continue
		}
		theirs, err := checkpoint.Load[float32](&f.Tensors[i])
		if err != nil {
			t.Fatal(err)
		}
		ours := tensor.Data[float32](w["stem/conv0/weight"])
		if h, x, in, out := 2, 1, 2, 63; ours[((out*3+in)*3+h)*3+x] != theirs[((h*3+x)*3+in)*64+out] {
			t.Error("an element of the first kernel is another")
		}
	}
	succeed(t, dir, "import DIR -o DIR/average.onnx --exponential-moving-average"+flags)
	succeed(t, dir, "compile DIR/net.onnx --input-size 33x33 -o DIR/run.onnx")
	other, err := compile.Weights(load(t, filepath.Join(dir, "average.onnx")))
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{"stem/conv0/weight": false, "stem/conv0/bn/scale": false, "stem/conv0/bn/mean": true} {
		if a, b := tensor.Data[float32](w[name]), tensor.Data[float32](other[name]); (a[0] == b[0]) != same {
			t.Errorf("%s[0] is %g, its average %g", name, a[0], b[0])
		}
	}
}

// TestImportFit is about checkpoints that do not fit, and the flags that let them.
func TestImportFit(t *testing.T) {
	dir := t.TempDir()
	unpack(t, dir, "torch.pth.gz", "own.npz", "plain.json", "small.json")
	put(t, dir, map[string][]byte{"own.map": []byte("tensor {*} {*}\n"), "bad.map": []byte("tensor {*} {*}\nnonsense 1\n")})
	const flags = " --arch DIR/plain.json --input-size 33x33 -o DIR/net.onnx"
	for _, c := range []struct {
		args string
		want string // on stderr; empty for success
	}{
		{"import DIR/own.npz" + flags, ""},
		{"import DIR/own.npz --map autodeeplab" + flags, ""},
		{"import DIR/own.npz --map DIR/own.map" + flags, ""},
		{"import DIR/own.npz --map DIR/bad.map" + flags, `line 2: "nonsense" is no word of a map`},
		{"import DIR/own.npz --map DIR/none.map" + flags, "--map: open"},
		{"import DIR/own.npz --map tensorflow" + flags, "the checkpoint does not fit the network in "},
		{"import DIR/own.npz --filters 4" + flags, `[4,128,1,1]: "cell0/input0/weight" <f4[2,128,1,1], want [4,128,1,1] (--dry-run lists all; --map`},
		{"import DIR/own.npz --classes 9" + flags, "in 2 places, the first: logits/conv/weight [9,256,1,1]"},
		{"import DIR/own.npz --classes 9 --allow-missing logits/*" + flags, ""},
		{"import DIR/own.npz --arch DIR/small.json --input-size 33x33 -o DIR/net.onnx", "the checkpoint does not fit the network in "},
		{"import DIR/own.npz --arch DIR/small.json --input-size 33x33 --dry-run", "the checkpoint does not fit the network in "},
		{"import DIR/own.npz --arch DIR/small.json --input-size 33x33 -o DIR/net.onnx --allow-missing cell* --allow-missing aspp/* --allow-missing decoder/* --allow-unused cell*", ""},
		{"import DIR/torch.pth" + flags, "(map noamrosenberg) computes something else than the one here: where the path goes down"},
		{"import DIR/torch.pth --dry-run --arch DIR/plain.json --input-size 33x33", ""},
		{"import DIR/torch.pth --allow-differences" + flags, ""},
		{"import DIR/own.npz --exponential-moving-average" + flags, "no moving average"},
		{"import DIR/own.npz --size M --filters 2" + flags, "give one of them"},
		{"import DIR/own.npz --arch DIR/plain.json", "import needs a file to write"},
		{"import DIR/own.npz -o DIR", "it is a folder"},
		{"import", "import takes one checkpoint"},
	} {
		os.Remove(filepath.Join(dir, "net.onnx"))
		o := command(t, dir, c.args)
		_, err := os.Stat(filepath.Join(dir, "net.onnx"))
		written := err == nil
		if c.want == "" {
			if o.status != 0 || o.stderr != "" || written == strings.Contains(c.args, "--dry-run") {
				t.Errorf("%s: exit %d, written %v, %s", c.args, o.status, written, o.stderr)
			}
			continue
		}
		if o.status == 0 || written || !strings.Contains(o.stderr, c.want) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, written %v, stderr %q, want %q", c.args, o.status, written, o.stderr, c.want)
		}
	}
	dry := command(t, dir, "import DIR/own.npz --arch DIR/small.json --input-size 33x33 --dry-run").stdout
	for _, want := range []string{"NOT FOUND: the checkpoint has no ", "LEFT OVER: the network has no place for it", " missing, "} {
		if !strings.Contains(dry, want) {
			t.Errorf("--dry-run lacks %q", want)
		}
	}
}

// TestImportHostileNames lists a checkpoint whose tensors have names that a terminal would obey.
func TestImportHostileNames(t *testing.T) {
	dir := t.TempDir()
	header, err := json.Marshal(map[string]any{
		hostile:             map[string]any{"dtype": "F32", "shape": []int{1}, "data_offsets": []int{0, 4}},
		"stem/conv0/weight": map[string]any{"dtype": "F32", "shape": []int{1}, "data_offsets": []int{4, 8}},
	})
	if err != nil {
		t.Fatal(err)
	}
	data := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	put(t, dir, map[string][]byte{"x.safetensors": append(data, make([]byte, 8)...)})
	for _, args := range []string{"--list", "--dry-run --input-size 33x33 --filters 2", "--input-size 33x33 --filters 2 --allow-missing * -o DIR/x.onnx"} {
		o := command(t, dir, "import DIR/x.safetensors "+args)
		plain(t, args, o.stdout)
		plain(t, args, o.stderr)
		if !strings.Contains(o.stdout+o.stderr, escaped[:20]) || strings.Count(o.stderr, "\n") > 1 {
			t.Errorf("%s: %q, %q", args, o.stdout, o.stderr)
		}
	}
}
