package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/decode"
)

// imports is the folder of files of other programs; expected.json there says what they decode to.
const imports = "../../decode/testdata/import"

func importedArchitecture(t *testing.T) *decode.Architecture {
	t.Helper()
	var want struct {
		Cell  []decode.Block `json:"cell"`
		Path  []int          `json:"path"`
		Score float64        `json:"score"`
	}
	decodeJSON(t, read(t, filepath.Join(imports, "expected.json")), &want)
	return &decode.Architecture{Cell: want.Cell, Path: want.Path}
}

func TestDecode(t *testing.T) {
	dir := folder(t)
	relaxation := filepath.Join(dir, "relaxation.safetensors")
	r := decode.OneHot(decode.Published())
	r.Info = map[string]string{"dataset": "cityscapes"}
	if err := decode.WriteRelaxation(relaxation, r); err != nil {
		t.Fatal(err)
	}
	answer := succeed(t, dir, "decode DIR/relaxation.safetensors --name Auto-DeepLab -o DIR/found.json")
	golden(t, "decode.txt", dir, answer)
	found, err := decode.ReadFile(filepath.Join(dir, "found.json"))
	if err != nil || !found.Equal(decode.Published()) {
		t.Errorf("%v\n%s", err, found)
	}
	// What decode writes is what the other commands take.
	if drawn := succeed(t, dir, "draw DIR/found.json -o DIR/figures --format svg"); strings.Count(drawn, "\n") != 2 {
		t.Errorf("draw says %q", drawn)
	}
	if a, b := succeed(t, dir, "summary DIR/found.json"), succeed(t, dir, "summary"); a != b {
		t.Error("the decoded network is counted as another one than the published")
	}
	if again := succeed(t, dir, "decode DIR/relaxation.safetensors --name Auto-DeepLab -o DIR/found.json"); again != answer {
		t.Error("another answer the second time")
	}
}

func TestDecodeTop(t *testing.T) {
	dir := t.TempDir()
	from := " " + filepath.Join(imports, "noam.npz")
	succeed(t, dir, "decode"+from+" --top 12 -o DIR/new/ --save DIR/r.safetensors")
	files := listing(t, dir)
	if len(files) != 14 || !slices.Contains(files, filepath.Join("new", "path-01.json")) || !slices.Contains(files, filepath.Join("new", "path-12.json")) {
		t.Fatalf("%q were written", files)
	}
	r, err := decode.ReadRelaxation(filepath.Join(dir, "r.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	paths := r.BestPaths(12)
	for i, p := range paths {
		a, err := decode.ReadFile(filepath.Join(dir, "new", []string{
			"path-01", "path-02", "path-03", "path-04", "path-05", "path-06",
			"path-07", "path-08", "path-09", "path-10", "path-11", "path-12",
		}[i]+".json"))
		if err != nil || !slices.Equal(a.Path, p.Levels) {
			t.Errorf("path %d: %v, %v, want %v", i+1, a, err, p.Levels)
		}
	}
	// From the file that --save wrote, the same.
	if a, b := succeed(t, dir, "decode"+from), succeed(t, dir, "decode DIR/r.safetensors"); a != b {
		t.Errorf("imported\n%s, saved\n%s", a, b)
	}
	// A folder that is there needs no slash; one path alone has one digit.
	if err := os.Mkdir(filepath.Join(dir, "there"), 0o777); err != nil {
		t.Fatal(err)
	}
	answer := succeed(t, dir, "decode"+from+" --top 1 -o DIR/there")
	if want := "wrote " + filepath.Join(dir, "there", "path-1.json") + "\n"; !strings.HasSuffix(answer, want) {
		t.Errorf("the answer ends in %q, want %q", answer[max(0, len(answer)-100):], want)
	}
}

func TestDecodeJSON(t *testing.T) {
	dir := t.TempDir()
	text := succeed(t, dir, "decode "+filepath.Join(imports, "checkpoint.pth")+" --json --top 4 -o DIR/a.json")
	var report decodeReport
	decodeJSON(t, []byte(text), &report)
	if want := importedArchitecture(t); !report.Architecture.Equal(want) {
		t.Errorf("got\n%swant\n%s", report.Architecture, want)
	}
	r, err := decode.ImportRelaxation(decode.ImportOptions{}, filepath.Join(imports, "checkpoint.pth"))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range r.BestPaths(4) {
		if got := report.Paths[i]; !slices.Equal(got.Levels, p.Levels) || got.Score != p.Score || got.LogScore != p.LogScore || *got.Margin != p.Margin {
			t.Errorf("path %d is %+v, want %+v", i, got, p)
		}
	}
	alpha, beta := r.Entropy()
	if report.Entropy.Alpha != alpha || report.Entropy.Beta != beta || !slices.Equal(report.Written, []string{filepath.Join(dir, "a.json")}) {
		t.Errorf("entropy %+v, want %g, %g; %q were written", report.Entropy, alpha, beta, report.Written)
	}
	if len(report.Paths) != 4 || len(report.Edges) != 20 || len(report.Blocks) != 5 || report.Blocks[0].Margin != nil || report.Blocks[1].Margin == nil {
		t.Errorf("%+v", report)
	}
	// There is but one path through one level, and it has no next.
	one := decode.NewRelaxation(1, 2, 1)
	if err := decode.WriteRelaxation(filepath.Join(dir, "one"), one); err != nil {
		t.Fatal(err)
	}
	report = decodeReport{}
	decodeJSON(t, []byte(succeed(t, dir, "decode DIR/one --json")), &report)
	if len(report.Paths) != 1 || report.Paths[0].Margin != nil || report.Paths[0].Score != 1 || len(report.Written) != 0 {
		t.Errorf("%+v", report)
	}
	succeed(t, dir, "decode DIR/one")
}

func TestDecodeImports(t *testing.T) {
	dir := t.TempDir()
	want := importedArchitecture(t)
	for _, args := range []string{
		"noam.npz", "checkpoint.pth", "checkpoint_legacy.pth", "alphas.npy betas.npy",
		"menghao_decoder.npz --beta-convention outgoing-packed",
		"menghao_forward.npz --beta-convention incoming-packed",
		"incoming.npz --alpha-order oldest-first --beta-convention incoming --operators none,max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,sep_conv_5x5,dil_conv_3x3,dil_conv_5x5",
		"probabilities.npz --alpha ours --beta moves --alpha-order newest-first --beta-convention outgoing --values probabilities" +
			" --operators skip_connect,none,max_pool_3x3,avg_pool_3x3,atr_conv_5x5,atr_conv_3x3,sep_conv_5x5,sep_conv_3x3",
	} {
		words := strings.Fields(args)
		for i, w := range words {
			if ext := filepath.Ext(w); ext == ".npz" || ext == ".npy" || ext == ".pth" {
				words[i] = filepath.Join(imports, w)
			}
		}
		succeed(t, dir, "decode "+strings.Join(words, " ")+" -o DIR/found.json")
		if found, err := decode.ReadFile(filepath.Join(dir, "found.json")); err != nil || !found.Equal(want) {
			t.Errorf("%s: %v\n%swant\n%s", args, err, found, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	dir := folder(t)
	good, err := decode.MarshalRelaxation(decode.NewRelaxation(1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(good)-1] = 0x7f // β[0, 0, 2] is masked at one level, α is before it
	flipped[len(good)-16] = 0xff
	flipped[len(good)-13] = 0x7f // α[1, 7], now not a number
	flipped[len(good)-14] = 0xff
	put(t, dir, map[string][]byte{
		"good.safetensors": good, "short.safetensors": good[:len(good)/2], "flipped.safetensors": flipped, "empty.pth": {}, "text.npz": []byte("hello"),
	})
	npz := filepath.Join(imports, "incoming.npz")
	for _, c := range []struct {
		args   string
		status int
		want   []string
	}{
		{"decode", exitUsage, nil},
		{"decode a b c", exitUsage, nil},
		{"decode DIR/good.safetensors --top 0", exitUsage, []string{"--top 0", "1 to 1000"}},
		{"decode DIR/good.safetensors --alpha-order first", exitUsage, []string{"--alpha-order first", "newest-first or oldest-first"}},
		{"decode DIR/good.safetensors --operators none,none", exitUsage, []string{"none is given twice"}},
		{"decode DIR/good.safetensors --operators none", exitUsage, []string{"1 operators, want all 8"}},
		{"decode DIR/good.safetensors --operators conv", exitUsage, []string{`"conv" is not an operator`}},
		{"decode DIR/good.safetensors --values logits", exitFailure, []string{"good.safetensors", "needs no options"}},
		{"decode DIR/good.safetensors --name \x01", exitUsage, []string{"--name: "}},
		{"decode DIR/none.safetensors", exitFailure, []string{"none.safetensors", "no such file"}},
		{"decode DIR/short.safetensors", exitFailure, []string{"short.safetensors", "not safetensors"}},
		{"decode DIR/flipped.safetensors", exitFailure, []string{"flipped.safetensors", "alpha[1, 7]", "no logit"}},
		{"decode DIR/empty.pth", exitFailure, []string{"empty.pth", "empty"}},
		{"decode DIR/text.npz", exitFailure, []string{"text.npz", "neither"}},
		{"decode DIR/small.json", exitFailure, []string{"small.json", "neither"}},
		{"decode DIR", exitFailure, []string{"not a file"}},
		{"decode DIR/good.safetensors -o DIR/nowhere/a.json", exitFailure, []string{"nowhere", "no such file"}},
		{"decode DIR/good.safetensors -o DIR/street.jpg/", exitFailure, []string{"street.jpg"}},
		{"decode " + npz, exitUsage, []string{"incoming.npz", "--alpha-order newest-first or oldest-first", "--beta-convention outgoing, outgoing-packed, incoming or incoming-packed", "--operators LIST"}},
		{"decode " + npz + " --alpha c", exitFailure, []string{`no array "c"`, `"a", "b"`}},
		{"decode " + filepath.Join(imports, "menghao_decoder.npz"), exitUsage, []string{"--beta-convention outgoing"}},
		{"decode " + filepath.Join(imports, "four_tensors.pth"), exitFailure, []string{"bottom_betas"}},
	} {
		fail(t, dir, c.args, c.status, c.want...)
	}
}

// TestDecodeRandom draws architectures that compile takes, from the space that the flags describe.
func TestDecodeRandom(t *testing.T) {
	dir := t.TempDir()
	text := succeed(t, dir, "decode --random --seed 3 --layers 8 --blocks 3 -o DIR/a.json")
	if !strings.Contains(text, "drawn with seed 3, one of 2117682 cells and one of 1597 paths of 8 layers and 4 levels") || !strings.Contains(text, "a.json") {
		t.Errorf("the answer is\n%s", text)
	}
	a, err := decode.ReadFile(filepath.Join(dir, "a.json"))
	if err != nil || len(a.Cell) != 3 || len(a.Path) != 8 || a.Name != "random-3" {
		t.Errorf("%v, %v", a, err)
	}
	var report randomReport
	decodeJSON(t, []byte(succeed(t, dir, "decode --random --seed 3 --layers 8 --blocks 3 --json")), &report)
	if !report.Architecture.Equal(a) || report.Seed != 3 || len(report.Written) != 0 || report.Paths != "1597" {
		t.Errorf("%+v", report)
	}
	if succeed(t, dir, "decode --random") == succeed(t, dir, "decode --random --seed 1") {
		t.Error("two seeds give the same")
	}
	fail(t, dir, "decode", exitUsage, "or --random")
	fail(t, dir, "decode DIR/a.json --random", exitUsage, "takes no relaxation")
	fail(t, dir, "decode DIR/a.json --seed 3", exitUsage, "--seed is for --random")
	fail(t, dir, "decode --random --top 5", exitUsage, "--top is for a relaxation")
	fail(t, dir, "decode --random --levels 5", exitUsage, "--levels: 5, want 1 to 4")
	fail(t, dir, "decode --random -o DIR/", exitUsage, "one file")
	fail(t, dir, "decode --random -o DIR/none/a.json", exitFailure, "none")
}
