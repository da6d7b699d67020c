package security

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

type vector struct {
	Name       string `json:"name"`
	Key        string `json:"key"`
	Count      uint32 `json:"count"`
	Bearer     uint8  `json:"bearer"`
	Direction  uint8  `json:"direction"`
	LengthBits int    `json:"length_bits"`
	Message    string `json:"message"`
	Ciphertext string `json:"ciphertext"`
	Mac        string `json:"mac"`
}

// vectors gives the published test data. Of ciphering whole octets are taken: the key stream is the same for fewer.
func vectors(t *testing.T, name string) []vector {
	text, err := os.ReadFile("../../../../tests/vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tests []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var whole []vector
	for _, v := range file.Tests {
		if v.Ciphertext != "" {
			digits := v.LengthBits / 8 * 2
			v.Message, v.Ciphertext = v.Message[:digits], v.Ciphertext[:digits]
		} else if v.LengthBits%8 != 0 {
			continue
		}
		whole = append(whole, v)
	}
	if len(whole) == 0 {
		t.Fatal("no test data in " + name)
	}
	return whole
}

func octets(t *testing.T, digits string) []byte {
	out, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestKnownAnswers(t *testing.T) {
	for id := uint8(1); id <= 3; id++ {
		for _, v := range vectors(t, fmt.Sprintf("128-nea%d", id)) {
			key := *(*[16]byte)(octets(t, v.Key))
			text := octets(t, v.Message)
			if err := NASEncrypt(id, key, v.Count, v.Bearer, v.Direction, text); err != nil {
				t.Fatal(v.Name, err)
			}
			if !bytes.Equal(text, octets(t, v.Ciphertext)) {
				t.Error(v.Name, "ciphers wrongly")
			}
		}
		for _, v := range vectors(t, fmt.Sprintf("128-nia%d", id)) {
			key := *(*[16]byte)(octets(t, v.Key))
			mac, err := NASMacCalculate(id, key, v.Count, v.Bearer, v.Direction, octets(t, v.Message))
			if err != nil {
				t.Fatal(v.Name, err)
			}
			if !bytes.Equal(mac, octets(t, v.Mac)) {
				t.Error(v.Name, "gives a wrong MAC")
			}
		}
	}
}

func TestEdges(t *testing.T) {
	var key [16]byte
	text := []byte{0x7e, 0, 0x43}
	if err := NASEncrypt(0, key, 1, 1, 0, text); err != nil || text[2] != 0x43 {
		t.Error("NEA0 must leave the message alone")
	}
	mac, err := NASMacCalculate(0, key, 1, 1, 0, text)
	if err != nil || !bytes.Equal(mac, make([]byte, 4)) {
		t.Error("the MAC of NIA0 is zeros")
	}
	if NASEncrypt(2, key, 0, 1, 0, []byte{}) != nil {
		t.Error("nothing to cipher is no error")
	}
	if NASEncrypt(2, key, 0, 1, 0, nil) == nil || NASEncrypt(4, key, 0, 1, 0, text) == nil ||
		NASEncrypt(2, key, 0, 32, 0, text) == nil || NASEncrypt(2, key, 0, 1, 2, text) == nil {
		t.Error("a wrong argument must be an error")
	}
	for _, wrong := range []struct{ id, bearer, direction uint8 }{{9, 1, 0}, {2, 32, 0}, {2, 1, 2}} {
		if mac, err := NASMacCalculate(wrong.id, key, 0, wrong.bearer, wrong.direction, text); err == nil || mac != nil {
			t.Error("a wrong argument must be an error", wrong)
		}
	}
}

func BenchmarkMac64(b *testing.B) {
	var key [16]byte
	text := make([]byte, 64)
	for id := uint8(1); id <= 3; id++ {
		b.Run(fmt.Sprintf("NIA%d", id), func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				if _, err := NASMacCalculate(id, key, uint32(i), 1, 0, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
