package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"testing"
)

// wideSHA256 is the hash of all 65536 binary16 widened by NumPy, NaNs as zero: testdata/float16.py prints it.
const wideSHA256 = "faa6d965574036872b0d39a42d1f8bee361d5be92b1e718155a69556a5abacdd"

func TestF16WidensAsNumPy(t *testing.T) {
	h := sha256.New()
	for i := range 1 << 16 {
		f := F16(i).Float32()
		bits := math.Float32bits(f)
		if f != f {
			bits = 0
		}
		h.Write(binary.LittleEndian.AppendUint32(nil, bits))
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != wideSHA256 {
		t.Errorf("hash %s, want %s", sum, wideSHA256)
	}
}

func TestF16RoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := F16(i)
		f := h.Float32()
		want := h
		if f != f {
			if i&0x7c00 != 0x7c00 || i&0x3ff == 0 {
				t.Errorf("%#04x widens to a NaN", i)
			}
			want |= 0x200 // NaNs become quiet and keep the rest
		}
		if have := ToF16(f); have != want {
			t.Errorf("%#04x widens to %v and comes back as %#04x", i, f, have)
		}
	}
}

// Between two neighbours the nearer one is taken, in the middle the even one: for every pair of finite numbers.
func TestF16RoundsToNearestEven(t *testing.T) {
	for i := range 0x7c00 - 1 {
		lo, hi := float64(F16(i).Float32()), float64(F16(i+1).Float32())
		mid := float32((lo + hi) / 2) // exact: one bit more than binary16 has
		even := F16(i + i&1)
		for f, want := range map[float32]F16{
			math.Nextafter32(mid, 0): F16(i), mid: even, math.Nextafter32(mid, 1e9): F16(i + 1),
		} {
			if have := ToF16(f); have != want {
				t.Fatalf("%v rounds to %#04x, want %#04x", f, have, want)
			}
			if have := ToF16(-f); have != want|0x8000 {
				t.Fatalf("%v rounds to %#04x, want %#04x", -f, have, want|0x8000)
			}
		}
	}
}

func TestRoundingAgreesWithNumPy(t *testing.T) {
	data, err := os.ReadFile("testdata/float16.bin")
	if err != nil || len(data)%8 != 0 || len(data) < 8*6000 {
		t.Fatal(len(data), err)
	}
	le := binary.LittleEndian
	for ; len(data) > 0; data = data[8:] {
		f := math.Float32frombits(le.Uint32(data))
		h, b := F16(le.Uint16(data[4:])), BF16(le.Uint16(data[6:]))
		if f != f {
			if g := ToF16(f).Float32(); g == g {
				t.Errorf("NaN becomes float16 %v", g)
			}
			if g := ToBF16(f).Float32(); g == g {
				t.Errorf("NaN becomes bfloat16 %v", g)
			}
			continue
		}
		if have := ToF16(f); have != h {
			t.Errorf("%v (%#x) becomes float16 %#04x, NumPy says %#04x", f, math.Float32bits(f), have, h)
		}
		if have := ToBF16(f); have != b {
			t.Errorf("%v (%#x) becomes bfloat16 %#04x, ml_dtypes says %#04x", f, math.Float32bits(f), have, b)
		}
	}
}

func TestBF16RoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		f := BF16(i).Float32()
		want := BF16(i)
		if f != f {
			want |= 0x40
		}
		if have := ToBF16(f); have != want {
			t.Errorf("%#04x comes back as %#04x", i, have)
		}
	}
}
