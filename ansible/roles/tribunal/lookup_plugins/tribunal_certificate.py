# What is to be done about a certificate on the control host.
from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os

from ansible.plugins.lookup import LookupBase
from cryptography import x509
from cryptography.hazmat.primitives import serialization

DOCUMENTATION = """
name: tribunal_certificate
short_description: whether a certificate and its key may be used
description:
  - Judges DIR/NAME.pem and DIR/NAME.key on the control host against DIR/ca.pem. The name C(ca) is the CA itself.
  - Uses the library cryptography, which ansible-core itself needs.
options:
  _terms:
    description: names
    required: true
  dir:
    description: folder of the certificates
    required: true
    type: str
  hosts:
    description: names and addresses that the certificate has to be for
    type: list
    elements: str
    default: []
  renew_days:
    description: with fewer days left than these it is C(ending)
    type: int
    default: 30
"""

RETURN = """
_list:
  description: >-
    for each name its state (missing, good, ending, renamed: not for all of hosts; faulty: not to be used), the fault in
    words, its last day, and a fingerprint of all that a host gets
  type: list
"""


class Fault(Exception):
    pass


def read(path):
    with open(path, "rb") as file:
        return file.read()


def certificate(path):
    try:
        return x509.load_pem_x509_certificate(read(path))
    except ValueError:
        raise Fault(f"{path} is no certificate in PEM") from None


def names(of):
    try:
        alternative = of.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return set(alternative.get_values_for_type(x509.DNSName)) | {
        str(address) for address in alternative.get_values_for_type(x509.IPAddress)
    }


def spelt(host):
    """An address as certificates write it, a name as it is."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def signed_by(child, issuer):
    try:
        child.verify_directly_issued_by(issuer)
    except Exception:  # the library has one error for each way not to be
        return False
    return True


def in_time(path, of, now):
    if of.not_valid_after_utc < now:
        raise Fault(f"{path} is expired: it ended on {of.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if now < of.not_valid_before_utc:
        raise Fault(f"{path} is not valid before {of.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; is the clock right?")


def judge(name, folder, hosts, renew_days):
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_path = os.path.join(folder, "ca.pem")
    path, key_path = (os.path.join(folder, f"{name}.{kind}") for kind in ("pem", "key"))
    there = [file for file in (path, key_path) if os.path.exists(file)]
    # The CA's key may be kept elsewhere by those who issue certificates themselves.
    if not there or (name == "ca" and path not in there):
        return {"state": "missing", "fault": "", "ends": "", "fingerprint": ""}
    if name != "ca" and len(there) == 1:
        missing = key_path if path in there else path
        raise Fault(f"{there[0]} is there without {missing}")
    if not os.path.exists(ca_path):
        raise Fault(f"{path} is there without {ca_path}, the CA that it should be of")
    ca, own = certificate(ca_path), certificate(path)
    in_time(ca_path, ca, now)
    if name == "ca":
        try:
            is_ca = own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_ca = False
        if not is_ca:
            raise Fault(f"{path} is not the certificate of a CA")
    else:
        if not signed_by(own, ca):
            if signed_by(own, own):
                raise Fault(f"{path} is self-signed; hosts take only certificates of the CA in {ca_path}")
            raise Fault(f"{path} is foreign: the CA in {ca_path} has not signed it")
        in_time(path, own, now)
        try:
            key = serialization.load_pem_private_key(read(key_path), None)
        except (ValueError, TypeError):
            raise Fault(f"{key_path} is no private key in PEM without a passphrase") from None
        if key.public_key() != own.public_key():
            raise Fault(f"{key_path} is not the key of {path}")
    state = "good"
    if own.not_valid_after_utc - now < datetime.timedelta(days=renew_days):
        state = "ending"
    elif not {spelt(host) for host in hosts} <= names(own):
        state = "renamed"
    return {
        "state": state,
        "fault": "",
        "ends": f"{own.not_valid_after_utc:%Y-%m-%d}",
        "fingerprint": hashlib.sha256(read(ca_path) + read(path)).hexdigest(),
    }


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        folder = os.path.realpath(os.path.expanduser(self.get_option("dir")))
        results = []
        for term in terms:
            try:
                results.append(judge(term, folder, self.get_option("hosts"), self.get_option("renew_days")))
            except Fault as fault:
                results.append({"state": "faulty", "fault": str(fault), "ends": "", "fingerprint": ""})
            except OSError as error:
                fault = f"{error.filename} cannot be read: {error.strerror}"
                results.append({"state": "faulty", "fault": fault, "ends": "", "fingerprint": ""})
        return results
