package crc32c

import "testing"

// TestMasked takes the check value of CRC-32C from RFC 3720, B.4 (32 bytes of 0 give 0x8a9136aa), and the rotation by hand.
func TestMasked(t *testing.T) {
	crc := uint32(0x8a9136aa)
	want := (crc>>15 | crc<<17) + 0xa282ead8
	if got := Masked(make([]byte, 20), make([]byte, 12)); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}
