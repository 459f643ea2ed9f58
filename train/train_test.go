package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestSameBytes holds that a training depends on nothing but its options, network and data: not on the number of threads,
// nor on where it was stopped.
func TestSameBytes(t *testing.T) {
	dir := t.TempDir()
	want := runFake(t, newFake(t, tinyOptions(), 1), filepath.Join(dir, "one"))
	if got := runFake(t, newFake(t, tinyOptions(), 3), filepath.Join(dir, "three")); !bytes.Equal(got, want) {
		t.Error("three threads give other bytes than one")
	}
	other := tinyOptions()
	other.Seed++
	if got := runFake(t, newFake(t, other, 2), filepath.Join(dir, "other")); bytes.Equal(got, want) {
		t.Error("another seed gives the same bytes")
	}

	path := filepath.Join(dir, "stopped")
	trainer := newFake(t, tinyOptions(), 2)
	for stops := 0; !trainer.Finished(); stops++ {
		if stops > 40 {
			t.Fatal("the training does not come to its end")
		}
		ctx, cancel := context.WithCancel(context.Background())
		err := trainer.Run(ctx, Hooks{Validate: scores, Step: func(StepInfo) { cancel() }}, Every{}, func() error { return trainer.Checkpoint(path) })
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// What the weights are at first does not matter to a resume.
		if trainer, err = resume(path, tinyOptions(), fakeModel(fakeClasses, 99), squares{fakeClasses}, 2, buildFake); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(trainer.Close)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a training that was stopped after every step gives other bytes (%v)", err)
	}
}

// TestAccumulate holds that two batches of 1 whose gradients are added up are a step of one batch of 2, up to rounding:
// the fake network has no statistics of the batch.
func TestAccumulate(t *testing.T) {
	o := tinyOptions()
	o.Average, o.Clip = 0, 0.1
	whole := newFake(t, o, 1)
	o.Batch, o.Accumulate = 1, 2
	parts := newFake(t, o, 1)
	if whole.Steps() != parts.Steps() {
		t.Fatalf("%d steps and %d", whole.Steps(), parts.Steps())
	}
	for _, trainer := range []*Trainer{whole, parts} {
		for range 3 {
			if err := trainer.step(trainer.steps(), Hooks{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, v := range whole.params[0].Value {
		// Means over the pixels that count are not quite the mean over both.
		if got := parts.params[0].Value[i]; math.Abs(float64(got-v)) > 1e-3 {
			t.Errorf("weight %d is %g, in one batch %g", i, got, v)
		}
	}
}

// TestBest holds that the best network is given away before the epoch's record is made, and only it.
func TestBest(t *testing.T) {
	trainer := newFake(t, tinyOptions(), 1)
	var given []int
	mious := map[int]float64{2: 0.5, 4: 0.5}
	err := trainer.Run(context.Background(), Hooks{
		Validate: func(_ context.Context, _ *onnx.Model, epoch int) (Score, error) {
			return Score{MIoU: mious[epoch]}, nil
		},
		Best: func(*onnx.Model) error { given = append(given, len(trainer.History())); return nil },
	}, Every{}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(given) != 1 || given[0] != 1 || trainer.Best().Epoch != 2 {
		t.Errorf("given after epochs %v, best %+v", given, trainer.Best())
	}
	for i, r := range trainer.History() {
		if validated := r.MIoU >= 0; validated != (i%2 == 1) {
			t.Errorf("epoch %d: mIoU %g", r.Epoch, r.MIoU)
		}
	}
	trainer = newFake(t, tinyOptions(), 1)
	full := errors.New("no space left")
	if err := trainer.Run(context.Background(), Hooks{Validate: scores, Best: func(*onnx.Model) error { return full }}, Every{}, func() error { return nil }); !errors.Is(err, full) || len(trainer.History()) != 1 {
		t.Errorf("error %v after %d records", err, len(trainer.History()))
	}
}

// TestEvery counts how often the state is saved.
func TestEvery(t *testing.T) {
	for _, c := range []struct {
		every Every
		want  int
	}{{Every{}, 4}, {Every{Time: time.Hour}, 4}, {Every{Steps: 4}, 4 + 4}, {Every{Steps: 1}, 24 + 4}, {Every{Time: 1}, 24 + 4}} {
		trainer, saves := newFake(t, tinyOptions(), 1), 0
		if err := trainer.Run(context.Background(), Hooks{}, c.every, func() error { saves++; return nil }); err != nil || saves != c.want {
			t.Errorf("%+v: %d saves, want %d (%v)", c.every, saves, c.want, err)
		}
	}
	// What cannot be saved ends the training.
	trainer, full := newFake(t, tinyOptions(), 1), errors.New("no space left")
	if err := trainer.Run(context.Background(), Hooks{}, Every{}, func() error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

// TestDivergence holds that a loss that is no number ends the training with what can be done about it.
func TestDivergence(t *testing.T) {
	for _, c := range []struct {
		loss float64
		want string
	}{{math.NaN(), "the loss became NaN at epoch 2, step 3"}, {math.Inf(1), "the loss became +Inf at epoch 2, step 3"}} {
		trainer := newFake(t, tinyOptions(), 1)
		trainer.net.(*fake).fail = func(r Random) (float64, error) {
			if r.Step == 8 {
				return c.loss, nil
			}
			return 1, nil
		}
		err := trainer.Run(context.Background(), Hooks{}, Every{}, func() error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(err.Error(), "(--rate, --warm-up, --clip)") {
			t.Errorf("error %v", err)
		}
	}
	trainer := newFake(t, tinyOptions(), 1)
	trainer.net.(*fake).fail = func(Random) (float64, error) {
		trainer.params[0].Gradient[0] = float32(math.NaN())
		return 1, nil
	}
	if err := trainer.Run(context.Background(), Hooks{}, Every{}, func() error { return nil }); err == nil || !strings.Contains(err.Error(), "norm of the gradient became NaN at epoch 1, step 1") {
		t.Errorf("error %v", err)
	}
}

// TestAverage compares the moving average with its definition, and holds that it is what is written.
func TestAverage(t *testing.T) {
	o := tinyOptions()
	o.Average = 0.8
	trainer := newFake(t, o, 1)
	var want []float64
	for _, v := range trainer.values[0].data {
		want = append(want, float64(v))
	}
	for n := range 12 {
		if err := trainer.step(trainer.steps(), Hooks{}); err != nil {
			t.Fatal(err)
		}
		keep := min(0.8, float64(1+n)/float64(10+n))
		for i, v := range trainer.values[0].data {
			want[i] = keep*want[i] + (1-keep)*float64(v)
		}
	}
	m, err := trainer.Model()
	if err != nil {
		t.Fatal(err)
	}
	all, err := initializers(m, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range tensor.Data[float32](all["weight"]) {
		if math.Abs(float64(v)-want[i]) > 1e-5 {
			t.Errorf("weight %d is %g, want %g", i, v, want[i])
		}
		if v == trainer.values[0].data[i] {
			t.Errorf("weight %d is that of now", i)
		}
	}
	if v := tensor.Data[float32](all["mean"]); v[1] == 0 {
		t.Error("moving averages of the normalisation are not written")
	}
	meta := onnx.Metadata(m)
	if _, ok := meta["autodeeplab.seed"]; ok || meta["kept"] != "yes" {
		t.Errorf("metadata %v", meta)
	}
}

// TestDecay holds that kernels decay and biases do not: under gradients of 0 nothing else changes a weight.
func TestDecay(t *testing.T) {
	o := tinyOptions()
	o.Decay, o.WarmUp, o.Average, o.Power = 0.1, 0, 0, 0
	trainer := newFake(t, o, 1)
	trainer.net.(*fake).fail = func(Random) (float64, error) { return 1, nil }
	trainer.params[1].Value[0] = 1
	before := trainer.params[0].Value[0]
	if err := trainer.step(trainer.steps(), Hooks{}); err != nil {
		t.Fatal(err)
	}
	if got, want := trainer.params[0].Value[0], before*(1-0.5*0.1); math.Abs(float64(got-want)) > 1e-6 {
		t.Errorf("the kernel is %g, want %g", got, want)
	}
	if got := trainer.params[1].Value[0]; got != 1 {
		t.Errorf("the bias is %g, want 1", got)
	}
}

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		step, steps        int
		first, last, power float64
		warmUp             int
		want               float64
	}{
		// python3 -c 'print(0.05 * (1 - 25/100) ** 0.9)' and so on
		{0, 100, 0.05, 0, 0.9, 0, 0.05},
		{25, 100, 0.05, 0, 0.9, 0, 0.038594475336178526},
		{50, 100, 0.05, 0, 0.9, 0, 0.02679433656340733},
		{99, 100, 0.05, 0, 0.9, 0, 0.0007924465962305573},
		{100, 100, 0.05, 0.001, 0.9, 0, 0.001},
		{50, 100, 0.05, 0.001, 1, 0, 0.0255},
		{50, 100, 0.05, 0.02, 0, 0, 0.05},
		{0, 100, 0.05, 0, 1, 4, 0.01},
		{3, 100, 0.05, 0, 1, 4, 0.0388},
		{4, 100, 0.05, 0, 1, 4, 0.048},
		{0, 1, 0.05, 0, 0.9, 1, 0.025},
	} {
		if got := RateAt(c.step, c.steps, c.first, c.last, c.power, c.warmUp); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("RateAt(%+v) = %.17g", c, got)
		}
	}
}

func TestBalance(t *testing.T) {
	got := Balance([]int64{100, 400, 0, 200, 1}, 10)
	for i, want := range []float64{1.5, 0.375, 1, 0.75, 10} {
		if got[i] != want {
			t.Errorf("weight %d is %g, want %g", i, got[i], want)
		}
	}
	o := tinyOptions()
	o.ClassWeights = BalancedWeights
	trainer := newFake(t, o, 1)
	if w := trainer.net.(*fake).o.ClassWeights; len(w) != 3 || w[0] != 2.5 || w[1] != 0.625 || w[2] != 1 {
		t.Errorf("weights %v", w)
	}
	o.ClassWeights = "1,2"
	if _, err := newTrainer(o, fakeModel(3, 3), squares{3}, 1, nil, buildFake); err == nil || err.Error() != "--class-weights has 2 weights, want 3, one a class" {
		t.Errorf("error %v", err)
	}
}

// TestResumeRefuses holds that a checkpoint that does not belong here is named.
func TestResumeRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "good")
	if err := newFake(t, tinyOptions(), 1).Checkpoint(path); err != nil {
		t.Fatal(err)
	}
	rate, average := tinyOptions(), tinyOptions()
	rate.Rate = 0.25
	average.Average = 0
	wider := fakeModel(3, 3)
	wider.Graph.Node[0].Name = "other"
	for _, c := range []struct {
		o     Options
		model *onnx.Model
		want  string
	}{
		{rate, fakeModel(3, 3), "rate 0.5, want 0.25 as now asked for (--rate, or another --output)"},
		{average, fakeModel(3, 3), "average 0.9, want 0"},
		{tinyOptions(), wider, "another network"},
		{tinyOptions(), fakeModel(4, 3), "another network"},
	} {
		if _, err := resume(path, c.o, c.model, squares{3}, 1, buildFake); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	s, err := ReadSummary(path)
	if err != nil || s.Options != tinyOptions() || s.Finished {
		t.Errorf("summary %+v, %v", s, err)
	}
}

func TestOptionErrors(t *testing.T) {
	for name, o := range Presets {
		if err := o.Validate(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Epochs = 0 }, "--epochs 0, want 1 to 1000000"},
		{func(o *Options) { o.Crop.Width = 5 }, "--crop 5, want 8 to 4096"},
		{func(o *Options) { o.MaxScale = 0.5 }, "--max-scale 0.5, want 0.9 to 16"},
		{func(o *Options) { o.Rate = math.NaN() }, "--rate NaN, want 0 to 1000"},
		{func(o *Options) { o.DropPath = 0 }, "--drop-path 0, want 0.01 to 1"},
		{func(o *Options) { o.ValidateFit = "stretch" }, `--validate-fit "stretch", want shrink, tile, whole`},
		{func(o *Options) { o.ClassWeights = "1,x" }, `--class-weights "1,x": "x" is no weight, want none, balanced, or a number of 0 to 1e6 for each class with commas between`},
	} {
		o := Presets["small"]
		c.change(&o)
		if err := o.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
