package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEdges(t *testing.T) {
	for blocks, want := range map[int]int{1: 2, 2: 5, 3: 9, 5: 20, MaxBlocks: 560} {
		n := 0
		for b := range blocks {
			for input := range b + 2 {
				if got := EdgeIndex(b, input); got != n {
					t.Errorf("EdgeIndex(%d, %d) = %d, want %d", b, input, got, n)
				}
				n++
			}
		}
		if n != want || Edges(blocks) != want {
			t.Errorf("%d blocks: %d edges, Edges says %d, want %d", blocks, n, Edges(blocks), want)
		}
	}
}

// TestMasked compares with the moves that occur in some path.
func TestMasked(t *testing.T) {
	for levels := 1; levels <= NumLevels; levels++ {
		r := NewRelaxation(1, 6, levels)
		used := map[[3]int]bool{}
		for _, p := range allPaths(6, levels) {
			from := 0
			for l, to := range p {
				used[[3]int{l, from, to - from + 1}] = true
				from = to
			}
		}
		for l := range r.Layers {
			for k := range levels {
				for m := range NumMoves {
					if r.Masked(l, k, m) == used[[3]int{l, k, m}] {
						t.Errorf("%d levels: Masked(%d, %d, %d) = %t", levels, l, k, m, r.Masked(l, k, m))
					}
				}
			}
		}
		if !r.Masked(-1, 0, 1) || !r.Masked(0, -1, 1) || !r.Masked(0, 0, 3) || !r.Masked(0, levels, 1) {
			t.Error("something outside of β is not masked")
		}
	}
}

func TestWeights(t *testing.T) {
	r := NewRelaxation(2, 3, 4)
	copy(r.Alpha[8:], []float32{0, 1, 2, 3, -1, 0, 0, 1000})
	r.Beta[r.betaIndex(0, 0, 0)] = 7 // masked
	r.Beta[r.betaIndex(0, 0, 1)] = 1
	r.Beta[r.betaIndex(1, 1, 2)] = float32(math.Log(2))
	edges, moves := r.EdgeWeights(), r.MoveWeights()
	for op, w := range edges[:8] {
		if w != 1./8 {
			t.Errorf("α[0, %d] weighs %g, want 1/8", op, w)
		}
	}
	if edges[15] != 1 || edges[11] != 0 {
		t.Errorf("a logit of 1000 weighs %g, one of 3 beside it %g", edges[15], edges[11])
	}
	e := math.E
	for at, want := range map[[3]int]float64{
		{0, 0, 0}: 0, {0, 0, 1}: e / (e + 1), {0, 0, 2}: 1 / (e + 1), {0, 1, 1}: 0,
		{1, 1, 0}: 0.25, {1, 1, 1}: 0.25, {1, 1, 2}: 0.5, {1, 2, 1}: 0, {2, 3, 0}: 0,
	} {
		if got := moves[r.betaIndex(at[0], at[1], at[2])]; math.Abs(got-want) > 1e-9 {
			t.Errorf("β%v weighs %g, want %g", at, got, want)
		}
	}
}

func TestEntropy(t *testing.T) {
	near := func(got, want float64) bool { return math.Abs(got-want) < 1e-8 }
	if a, b := NewRelaxation(3, 5, 4).Entropy(); a != 1 || b != 1 {
		t.Errorf("nothing learned: %g, %g, want 1, 1", a, b)
	}
	if _, b := NewRelaxation(1, 5, 1).Entropy(); b != 0 {
		t.Errorf("no choice of moves: %g, want 0", b)
	}
	r := NewRelaxation(1, 1, 2)
	r.Alpha[3] = MaxLogit // one of two edges is decided
	r.Beta[1] = float32(math.Log(3))
	h := -(0.75*math.Log(0.75) + 0.25*math.Log(0.25)) / math.Log(2)
	if a, b := r.Entropy(); !near(a, 0.5) || !near(b, h) {
		t.Errorf("%g, %g, want 0.5, %g", a, b, h)
	}
	// Only nodes on the published path are decided by OneHot; all its edges are.
	if a, b := OneHot(Published()).Entropy(); a > 0.001 || b < 0.5 || b > 0.9 {
		t.Errorf("OneHot(Published()): %g, %g", a, b)
	}
}

func TestOneHotPublished(t *testing.T) {
	for _, a := range []*Architecture{Published(), {Cell: small().Cell[1:2:2], Path: []int{0, 1, 2, 3, 3, 2}}} {
		r := OneHot(a)
		if r == nil {
			a.Cell[0][0].Input = 0 // block 1 of small read state 2
			r = OneHot(a)
		}
		d, err := r.Decode(DecodeOptions{Name: a.Name, Top: 3})
		if err != nil {
			t.Fatal(err)
		}
		if !d.Architecture.Equal(a) {
			t.Errorf("decoded\n%swant\n%s", d.Architecture, a)
		}
		if d.Paths[0].Margin < 5 {
			t.Errorf("the margin is %g", d.Paths[0].Margin)
		}
		if alt := d.Alternative(1); slices.Equal(alt.Path, a.Path) || !slices.Equal(alt.Cell, a.Cell) || !slices.Equal(alt.Path, d.Paths[1].Levels) {
			t.Errorf("alternative:\n%s", alt)
		}
	}
}

// TestOneHotRandom takes any architecture there and back.
func TestOneHotRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		a := &Architecture{}
		for i := range 1 + rng.IntN(7) {
			inputs := rng.Perm(2 + i)
			a.Cell = append(a.Cell, Block{
				{inputs[0], Operator(1 + rng.IntN(NumOperators-1))}, {inputs[1], Operator(1 + rng.IntN(NumOperators-1))},
			})
		}
		k := 0
		for range 1 + rng.IntN(20) {
			k = min(max(0, k+rng.IntN(3)-1), NumLevels-1)
			a.Path = append(a.Path, k)
		}
		d, err := OneHot(a).Decode(DecodeOptions{})
		if err != nil || !d.Architecture.Equal(a) {
			t.Fatalf("%v\n%swant\n%s", err, d.Architecture, a)
		}
	}
}

func TestOneHotRefuses(t *testing.T) {
	twice := &Architecture{Cell: []Block{{{0, SkipConnect}, {0, SepConv3x3}}}, Path: []int{0}}
	if err := twice.Validate(); err != nil {
		t.Fatal(err)
	}
	if OneHot(twice) != nil || OneHot(&Architecture{}) != nil {
		t.Error("a relaxation of what none decodes to")
	}
}

func TestValidateRelaxation(t *testing.T) {
	for _, c := range []struct {
		change func(*Relaxation)
		want   string
	}{
		{func(r *Relaxation) { r.Blocks = 0 }, "blocks: 0 (1 to 32 are accepted)"},
		{func(r *Relaxation) { r.Layers = 129 }, "layers: 129 (1 to 128 are accepted)"},
		{func(r *Relaxation) { r.Levels = 5 }, "levels: 5 (1 to 4 are accepted)"},
		{func(r *Relaxation) { r.Alpha = r.Alpha[:39] }, "alpha: 39 numbers; 2 blocks need 5×8 = 40"},
		{func(r *Relaxation) { r.Beta = r.Beta[:1] }, "beta: 1 numbers; 3 layers of 4 levels need 3×4×3 = 36"},
		{func(r *Relaxation) { r.Alpha[17] = float32(math.NaN()) }, "alpha[2, 1]: NaN is no logit (-1000 to 1000 are accepted)"},
		{func(r *Relaxation) { r.Beta[r.betaIndex(1, 1, 2)] = float32(math.Inf(-1)) }, "beta[1, 1, 2]: -Inf is no logit"},
		{func(r *Relaxation) { r.Beta[r.betaIndex(2, 0, 1)] = 1001 }, "beta[2, 0, 1]: 1001 is no logit"},
		{func(r *Relaxation) { r.Info = map[string]string{"a": "\xff"} }, `info: "a": "\xff" is not text`},
		{func(r *Relaxation) { r.Info = map[string]string{"a": strings.Repeat("x", MaxInfoBytes)} }, "info: 65537 bytes"},
	} {
		r := NewRelaxation(2, 3, 4)
		c.change(r)
		err := r.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if _, err := r.Decode(DecodeOptions{}); err == nil {
			t.Errorf("decoded in spite of: %s", c.want)
		}
		if _, err := MarshalRelaxation(r); err == nil {
			t.Errorf("written in spite of: %s", c.want)
		}
	}
	r := NewRelaxation(2, 3, 4)
	r.Beta[r.betaIndex(0, 0, 0)] = float32(math.NaN()) // masked
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	for _, o := range []DecodeOptions{{Top: -1}, {Top: MaxTop + 1}, {Name: "\n"}} {
		if d, err := r.Decode(o); err == nil {
			t.Errorf("%+v gives %v", o, d)
		}
	}
}

func TestRelaxationFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for levels := 1; levels <= NumLevels; levels++ {
		r := NewRelaxation(levels, 5*levels, levels)
		for i := range r.Alpha {
			r.Alpha[i] = float32(rng.NormFloat64())
		}
		for i := range r.Beta {
			r.Beta[i] = float32(rng.NormFloat64())
		}
		r.Info = map[string]string{"dataset": "camvid <&> é", "seed": "7", "": "x"}
		delete(r.Info, "")
		path := filepath.Join(t.TempDir(), "relaxation.safetensors")
		if err := WriteRelaxation(path, r); err != nil {
			t.Fatal(err)
		}
		got, err := ReadRelaxation(path)
		if err != nil {
			t.Fatal(err)
		}
		for l := range r.Layers {
			for k := range levels {
				for m := range NumMoves {
					want := r.Beta[r.betaIndex(l, k, m)]
					if r.Masked(l, k, m) {
						want = 0
					}
					if v := got.Beta[r.betaIndex(l, k, m)]; v != want {
						t.Errorf("β[%d, %d, %d] is %g, want %g", l, k, m, v, want)
					}
				}
			}
		}
		if !slices.Equal(got.Alpha, r.Alpha) || got.Info["dataset"] != r.Info["dataset"] || len(got.Info) != 2 {
			t.Errorf("read %v, wrote %v", got, r)
		}
		// The same values, whatever is masked and whatever the sign of 0.
		first, _ := MarshalRelaxation(r)
		for i := range got.Beta {
			if got.Beta[i] == 0 {
				got.Beta[i] = float32(math.Copysign(0, -1))
			}
		}
		got.Beta[r.betaIndex(0, 0, 0)] = float32(math.NaN())
		second, err := MarshalRelaxation(got)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("equal relaxations give different bytes: %v", err)
		}
	}
}

// TestRelaxationBytes holds the layout to what its description says, by reading it with encoding/binary alone.
func TestRelaxationBytes(t *testing.T) {
	r := NewRelaxation(1, 2, 2)
	for i := range r.Alpha {
		r.Alpha[i] = float32(i)
	}
	for i := range r.Beta {
		r.Beta[i] = float32(100 + i)
	}
	r.Info = map[string]string{"seed": "1"}
	data, err := MarshalRelaxation(r)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(data)
	header := strings.TrimRight(string(data[8:8+n]), " ")
	want := `{"__metadata__":{"format":"autodeeplab.relaxation","info.seed":"1","moves":"up,same,down",` +
		`"operators":"none,max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,sep_conv_5x5,atr_conv_3x3,atr_conv_5x5",` +
		`"states":"H[l-1],H[l-2],blocks","version":"1"},` +
		`"alpha":{"dtype":"F32","shape":[2,8],"data_offsets":[0,64]},"beta":{"dtype":"F32","shape":[2,2,3],"data_offsets":[64,112]}}`
	if header != want {
		t.Errorf("header\n%s\nwant\n%s", header, want)
	}
	var values []float32
	for at := 8 + int(n); at < len(data); at += 4 {
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data[at:])))
	}
	wantValues := append(slices.Clone(r.Alpha), 0, 101, 102, 0, 0, 0, 0, 107, 108, 109, 110, 0)
	if !slices.Equal(values, wantValues) {
		t.Errorf("values %v, want %v", values, wantValues)
	}
}

func TestUnmarshalRelaxationErrors(t *testing.T) {
	good, err := MarshalRelaxation(NewRelaxation(2, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte {
		if len(old) != len(new) || !bytes.Contains(good, []byte(old)) {
			t.Fatalf("cannot replace %q by %q", old, new)
		}
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	nan := bytes.Clone(good)
	binary.LittleEndian.PutUint32(nan[len(nan)-4*18+4:], math.Float32bits(float32(math.NaN()))) // β[0, 0, 1]
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not safetensors"},
		{"cut off", good[:len(good)-1], "not safetensors"},
		{"more", append(bytes.Clone(good), 0), "not safetensors"},
		{"header of 2^60 bytes", append([]byte{0, 0, 0, 0, 0, 0, 0, 16}, good[8:]...), "not safetensors"},
		{"another kind", replace("autodeeplab.relaxation", "autodeeplab.checkpoint"), `format: "autodeeplab.checkpoint" (this program reads "autodeeplab.relaxation")`},
		{"no format", replace(`"format"`, `"formax"`), "format: missing"},
		{"later version", replace(`"version":"1"`, `"version":"2"`), `version: "2" (this program reads "1")`},
		{"another order of moves", replace("up,same,down", "down,same,up"), "moves: "},
		{"another order of states", replace("H[l-1],H[l-2]", "H[l-2],H[l-1]"), "states: "},
		{"another order of operators", replace("max_pool_3x3,avg_pool_3x3", "avg_pool_3x3,max_pool_3x3"), "operators: "},
		{"alpha of another name", replace(`"alpha"`, `"alphx"`), "alpha: missing"},
		{"alpha of another shape", replace("[5,8]", "[8,5]"), "alpha: 8 edges"},
		{"alpha of another type", replace(`"dtype":"F32","shape":[5`, `"dtype":"I32","shape":[5`), "alpha: I32"},
		{"beta of another shape", replace("[3,2,3]", "[2,3,3]"), ""},
		{"beta of no move", replace("[3,2,3]", "[3,3,2]"), "beta: shape [3 3 2]"},
		{"not finite", nan, "beta[0, 0, 1]: NaN"},
		{"too long", make([]byte, MaxRelaxationBytes+1), "the file: longer than"},
	} {
		r, err := UnmarshalRelaxation(c.data)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(path, good[:50], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRelaxation(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("the error does not name the file: %v", err)
	}
}
