package runtime

import (
	"math/rand/v2"
	"testing"
)

// TestArrange lays out random lifetimes and checks what a layout must hold: tensors that live at the same time do not
// overlap, offsets are aligned, and the arena is at least as large as what lives at once.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for range 300 {
		n := 1 + rng.IntN(60)
		lives := make([]lifetime, n)
		for i := range lives {
			first := rng.IntN(40)
			lives[i] = lifetime{value: i, bytes: arenaAlign * rng.IntN(50), first: first, last: first + rng.IntN(8)}
		}
		p := &plan{slots: make([]slot, n)}
		p.arrange(lives)
		for i, a := range lives {
			ao := p.slots[a.value].offset
			if ao%arenaAlign != 0 || ao < 0 || ao+a.bytes > p.bytes {
				t.Fatalf("tensor %d of %d bytes at %d, arena %d", i, a.bytes, ao, p.bytes)
			}
			for _, b := range lives[:i] {
				bo := p.slots[b.value].offset
				together := a.first <= b.last && b.first <= a.last
				if together && ao < bo+b.bytes && bo < ao+a.bytes {
					t.Fatalf("%+v at %d overlaps %+v at %d", a, ao, b, bo)
				}
			}
		}
		peak := 0
		for at := range 50 {
			live := 0
			for _, l := range lives {
				if l.first <= at && at <= l.last {
					live += l.bytes
				}
			}
			peak = max(peak, live)
		}
		if p.bytes < peak {
			t.Fatalf("arena of %d bytes for a peak of %d", p.bytes, peak)
		}
		if peak > 0 {
			worst = max(worst, float64(p.bytes)/float64(peak))
		}
	}
	if worst > 2 {
		t.Errorf("the worst layout takes %.2f times what lives at once", worst)
	}
	t.Logf("worst layout: %.2f times what lives at once", worst)
}
