package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// counting makes n elements that differ from one another.
func counting[T uint8 | uint16 | uint32 | uint64](n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = T(i*7 + 1)
	}
	return s
}

// onThreads runs a kernel on pools of 1, 2 and 3 threads and holds each result against want.
func onThreads[T comparable](t *testing.T, want []T, run func(p *Pool, dst []T)) {
	t.Helper()
	for threads := 1; threads <= 3; threads++ {
		p := NewPool(threads)
		got := make([]T, len(want))
		run(p, got)
		p.Close()
		if !slices.Equal(got, want) {
			t.Fatalf("%d threads: wrong", threads)
		}
	}
}

// permutedWalk makes steps for a permutation of a dense tensor's axes, some of them backwards.
func permutedWalk(shape, perm []int, backwards []bool) (sizes, steps []int, offset int) {
	dense := make([]int, len(shape))
	n := 1
	for k := len(shape) - 1; k >= 0; k-- {
		dense[k] = n
		n *= shape[k]
	}
	for k, from := range perm {
		sizes = append(sizes, shape[from])
		step := dense[from]
		if backwards[k] {
			offset += (shape[from] - 1) * step
			step = -step
		}
		steps = append(steps, step)
	}
	return sizes, steps, offset
}

func elems(sizes []int) int {
	n := 1
	for _, s := range sizes {
		n *= s
	}
	return n
}

func TestStrided(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		shape := make([]int, rng.IntN(6))
		backwards := make([]bool, len(shape))
		for k := range shape {
			shape[k] = 1 + rng.IntN(7)
			backwards[k] = rng.IntN(5) == 0
		}
		sizes, steps, offset := permutedWalk(shape, rng.Perm(len(shape)), backwards)
		src := counting[uint32](elems(shape))
		for k := range sizes { // cut, thin out, or repeat some axes
			switch rng.IntN(6) {
			case 0:
				sizes[k] = 1 + rng.IntN(sizes[k])
			case 1:
				sizes[k], steps[k] = (sizes[k]+1)/2, 2*steps[k]
			case 2:
				if steps[k] > 0 {
					sizes[k], steps[k] = rng.IntN(5), 0
				}
			}
		}
		want := make([]uint32, elems(sizes))
		StridedRef(want, src, sizes, steps, offset)
		onThreads(t, want, func(p *Pool, dst []uint32) { Strided(p, dst, src, sizes, steps, offset) })
	}
}

// TestStridedLarge has tensors of many chunks and tiles: long runs, repeated elements and rows, and matrices whose edges
// are no multiples of a tile.
func TestStridedLarge(t *testing.T) {
	for _, c := range []struct {
		shape, perm []int
	}{
		{[]int{2, 19, 37, 41}, []int{0, 2, 3, 1}},
		{[]int{2, 37, 41, 19}, []int{0, 3, 1, 2}},
		{[]int{70, 3, 129}, []int{2, 1, 0}},
		{[]int{5, 200, 70}, []int{1, 0, 2}},
		{[]int{3, 40000}, []int{1, 0}},
		{[]int{4, 5, 6, 7, 8}, []int{4, 2, 0, 3, 1}},
		{[]int{50000}, []int{0}},
	} {
		t.Run(fmt.Sprint(c.shape, c.perm), func(t *testing.T) {
			for _, back := range []bool{false, true} {
				backwards := make([]bool, len(c.perm))
				backwards[len(c.perm)-1] = back
				sizes, steps, offset := permutedWalk(c.shape, c.perm, backwards)
				moved(t, counting[uint8](elems(c.shape)), sizes, steps, offset)
				moved(t, counting[uint16](elems(c.shape)), sizes, steps, offset)
				moved(t, counting[uint32](elems(c.shape)), sizes, steps, offset)
				moved(t, counting[uint64](elems(c.shape)), sizes, steps, offset)
			}
		})
	}
	moved(t, counting[uint32](40), []int{40, 30, 50}, []int{1, 0, 0}, 0)
	moved(t, counting[uint32](50), []int{40, 30, 50}, []int{0, 0, 1}, 0)
	moved(t, counting[uint32](1), []int{40000}, []int{0}, 0)
	moved(t, counting[uint32](100000), []int{33333}, []int{3}, 1)
}

func moved[T uint8 | uint16 | uint32 | uint64](t *testing.T, src []T, sizes, steps []int, offset int) {
	t.Helper()
	want := make([]T, elems(sizes))
	StridedRef(want, src, sizes, steps, offset)
	onThreads(t, want, func(p *Pool, dst []T) { Strided(p, dst, src, sizes, steps, offset) })
}

func TestStridedStrings(t *testing.T) {
	got := make([]string, 6)
	Strided(NewPool(1), got, []string{"a", "b", "c", "d", "e", "f"}, []int{3, 2}, []int{1, 3}, 0)
	if want := []string{"a", "d", "b", "e", "c", "f"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCopyRows(t *testing.T) {
	for _, c := range []struct{ rows, width, at, stride int }{
		{1, 1, 0, 1}, {7, 1, 2, 5}, {5, 9, 1, 12}, {1, 50000, 10, 50030}, {300, 211, 7, 400}, {3, 40000, 0, 40000}, {4, 0, 0, 3},
	} {
		src := counting[uint32](c.rows * c.width)
		want := make([]uint32, c.rows*c.stride)
		if c.width > 0 {
			CopyRowsRef(want, src, c.width, c.at, c.stride)
		}
		onThreads(t, want, func(p *Pool, dst []uint32) { CopyRows(p, dst, src, c.width, c.at, c.stride) })
	}
}

func TestGather(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ outer, n, inner, indices int }{
		{1, 5, 1, 3}, {4, 5, 1, 9000}, {3, 6, 7, 4}, {2, 3, 40000, 2}, {1, 9, 100, 500}, {0, 4, 3, 2}, {2, 4, 0, 2}, {2, 4, 3, 0},
	} {
		src := counting[uint64](c.outer * c.n * c.inner)
		long, short := make([]int64, c.indices), make([]int32, c.indices)
		for k := range long {
			long[k] = int64(rng.IntN(2*c.n) - c.n)
			short[k] = int32(long[k])
		}
		want := make([]uint64, c.outer*c.indices*c.inner)
		GatherRef(want, src, long, c.outer, c.n, c.inner)
		onThreads(t, want, func(p *Pool, dst []uint64) { Gather(p, dst, src, long, c.outer, c.n, c.inner) })
		onThreads(t, want, func(p *Pool, dst []uint64) { Gather(p, dst, src, short, c.outer, c.n, c.inner) })
	}
}

func TestCheckIndices(t *testing.T) {
	if at, ok := CheckIndices([]int64{-3, 2, 0}, 3); !ok {
		t.Errorf("index #%d refused", at)
	}
	for _, v := range []int64{3, -4, 1<<63 - 1, -1 << 63} {
		if at, ok := CheckIndices([]int64{0, v}, 3); ok || at != 1 {
			t.Errorf("%d accepted (%d)", v, at)
		}
	}
	if _, ok := CheckIndices([]int32{0}, 0); ok {
		t.Error("index into nothing accepted")
	}
}

func TestPad(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for mode := PadConstant; mode <= PadWrap; mode++ {
		for range 200 {
			axes := make([]PadAxis, rng.IntN(5))
			in, out := 1, 1
			for k := range axes {
				a := PadAxis{Size: 1 + rng.IntN(6)}
				switch rng.IntN(4) {
				case 0:
					a.Before, a.After = rng.IntN(9), rng.IntN(9)
				case 1: // crop, but never all of it
					a.Before = -rng.IntN(a.Size)
					a.After = rng.IntN(9)
				case 2:
					a.After = -rng.IntN(a.Size)
					a.Before = rng.IntN(9)
				}
				if mode == PadConstant && rng.IntN(8) == 0 {
					a.Before, a.After = -a.Size-1, 4
				}
				axes[k] = a
				in *= a.Size
				out *= a.Size + a.Before + a.After
			}
			padded(t, in, out, axes, mode)
		}
		padded(t, 3*50*70, 3*60*76, []PadAxis{{3, 0, 0}, {50, 4, 6}, {70, 3, 3}}, mode)
		padded(t, 30*40*3, 33*47*3, []PadAxis{{30, 1, 2}, {40, 3, 4}, {3, 0, 0}}, mode)
		padded(t, 40000, 39995, []PadAxis{{40000, -10, 5}}, mode)
	}
	padded(t, 0, 12, []PadAxis{{2, 1, 1}, {0, 2, 1}}, PadConstant)
}

func padded(t *testing.T, in, out int, axes []PadAxis, mode PadMode) {
	t.Helper()
	src := counting[uint32](in)
	want := make([]uint32, out)
	PadRef(want, src, axes, mode, 77)
	if t.Failed() {
		return
	}
	onThreads(t, want, func(p *Pool, dst []uint32) { Pad(p, dst, src, axes, mode, 77) })
}

func TestFillAndRange(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 100, 50001} {
		want := make([]uint16, n)
		for i := range want {
			want[i] = 9
		}
		onThreads(t, want, func(p *Pool, dst []uint16) { Fill(p, dst, 9) })
		numbers := make([]float32, n)
		for i := range numbers {
			product := float32(i) * 0.3
			numbers[i] = 1.5 + product
		}
		onThreads(t, numbers, func(p *Pool, dst []float32) { Range(p, dst, 1.5, 0.3) })
	}
}

func BenchmarkStrided(b *testing.B) {
	for _, c := range []struct {
		name        string
		shape, perm []int
	}{
		{"NCHW-NHWC/128x128x128", []int{1, 128, 128, 128}, []int{0, 2, 3, 1}},
		{"NHWC-NCHW/128x128x128", []int{1, 128, 128, 128}, []int{0, 3, 1, 2}},
		{"NHWC-NCHW/513x513x3", []int{1, 513, 513, 3}, []int{0, 3, 1, 2}},
		{"NCHW-NHWC/3x513x513", []int{1, 3, 513, 513}, []int{0, 2, 3, 1}},
		{"rows/256x128x64", []int{256, 128, 64}, []int{1, 0, 2}},
		{"short-rows/65536x8x4", []int{65536, 8, 4}, []int{1, 0, 2}},
	} {
		b.Run(c.name, func(b *testing.B) {
			sizes, steps, offset := permutedWalk(c.shape, c.perm, make([]bool, len(c.perm)))
			src := counting[uint32](elems(c.shape))
			dst := make([]uint32, len(src))
			p := NewPool(1)
			b.SetBytes(int64(8 * len(src)))
			for b.Loop() {
				Strided(p, dst, src, sizes, steps, offset)
			}
		})
	}
}
