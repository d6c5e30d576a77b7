package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var errNotSecurity = errors.New("not a property of security")

// security is what the properties SASL.* and TLS.* ask for. Certificates and keys are PEM text, or the name of a file with
// it.
type security struct {
	mechanism, user, password string
	ca, cert, key             string
	enabled, disabled         bool
}

func (s *security) take(name, value string) error {
	places := map[string]*string{
		"SASL.mechanism": &s.mechanism, "SASL.user": &s.user, "SASL.password": &s.password,
		"TLS.ca": &s.ca, "TLS.cert": &s.cert, "TLS.key": &s.key,
	}
	if name == "TLS.enabled" {
		on, err := strconv.ParseBool(value)
		s.enabled, s.disabled = on, !on
		return err
	}
	place, known := places[name]
	if !known {
		return errNotSecurity
	}
	*place = value
	return nil
}

func (s *security) options() ([]kgo.Opt, error) {
	var options []kgo.Opt
	if s.mechanism != "" {
		mechanism, err := s.sasl()
		if err != nil {
			return nil, fmt.Errorf("property SASL.mechanism = %s: %w", s.mechanism, err)
		}
		options = append(options, kgo.SASL(mechanism))
	}
	if s.enabled || !s.disabled && s.ca+s.cert+s.key != "" {
		config, err := s.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	return options, nil
}

func (s *security) sasl() (sasl.Mechanism, error) {
	switch strings.ToUpper(s.mechanism) {
	case "PLAIN":
		return plain.Auth{User: s.user, Pass: s.password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.user, Pass: s.password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.user, Pass: s.password}.AsSha512Mechanism(), nil
	}
	return nil, errors.New("one of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 is wanted")
}

func (s *security) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		text, err := pem(s.ca)
		if err != nil {
			return nil, fmt.Errorf("property TLS.ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("property TLS.ca: no certificate in it")
		}
	}
	if s.cert != "" || s.key != "" {
		certificate, err := pem(s.cert)
		if err != nil {
			return nil, fmt.Errorf("property TLS.cert: %w", err)
		}
		key, err := pem(s.key)
		if err != nil {
			return nil, fmt.Errorf("property TLS.key: %w", err)
		}
		both, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("properties TLS.cert and TLS.key: %w", err)
		}
		config.Certificates = []tls.Certificate{both}
	}
	return config, nil
}

func pem(value string) ([]byte, error) {
	if strings.Contains(value, "-----BEGIN ") {
		return []byte(value), nil
	}
	return os.ReadFile(value)
}

// effectiveSecurity is what the live client says of it.
func effectiveSecurity(client *kgo.Client) []pair {
	told := []pair{{"TLS.enabled", fmt.Sprint(client.OptValue(kgo.DialTLS))}}
	for _, mechanism := range client.OptValue(kgo.SASL).([]sasl.Mechanism) {
		told = append(told, pair{"SASL.mechanism", mechanism.Name()})
	}
	return told
}
