"""The words people use in exports for the canonical columns, in English and a few other European languages.

A column's name is split into words ("InvoiceNo" → invoice, no; "kundennummer" → kunden, nummer), each word is given its
meaning (order, id), and the meanings are held against what each canonical column is usually called. So the vocabulary
stays a list of words, and does not become a list of every name anybody ever gave a column.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from regulars.intake.guessing.column_names import BLOCKING, ENTITY_OF, FREE, PATTERNS

_MEANINGS: dict[str, str] = {
    # who, what and where
    "customer": """customer cust client user member loyalty household buyer shopper account consumer guest subscriber
        kunde kunden kundin kund clients acheteur utilisateur cliente clienti clientes usuario utente membre klant
        klanten comprador""",
    "order": """order ordered bought purchased booked invoiced invoice ticket booking transaction basket receipt
        purchase reservation bill trx txn checkout
        bestellung bestell bestellungs rechnung rechnungs auftrag auftrags beleg kauf buchung buchungs commande facture
        achat panier pedido factura compra ordine fattura acquisto scontrino encomenda fatura bestelling factuur
        aankoop""",
    "product": """product prod item article stock film movie title book dish merchandise goods artikel produkt ware
        produit articolo articulo producto prodotto produto artigo""",
    "campaign": "campaign cmp promo promotion kampagne aktion campagne campana campagna campanha campagnes mailing",
    "coupon": "coupon voucher gutschein cupon cupom bon rabattcode",
    "device": "device handset terminal gerät appareil dispositivo apparaat",
    "status": "status statut etat",
    "store": """store shop branch outlet theater theatre cinema venue restaurant location site filiale laden geschäft
        markt magasin boutique tienda sucursal negozio loja winkel vestiging""",
    "channel": "channel kanal canal canale kanaal vertriebskanal",
    "sponsor": "sponsor referrer inviter recruiter werber parrain patrocinador upline",
    "referee": "referee invitee referred invited recruit filleul geworbener",
    "referral": "referral referrals invitation empfehlung parrainage",
    "supplier": "supplier vendor seller lieferant fournisseur proveedor fornitore employee staff salesperson cashier",
    # what is said of them
    "id": """id ids ident identifier no nr code key ref reference nummer numero num number kennung uuid guid pk nº
        codigo codice cod schlüssel clave kode referenz""",
    "name": "name names label nom nombre nome naam bezeichnung libelle",
    "description": """description desc descr beschreibung descripcion descrizione descricao omschrijving designation
        meaning""",
    "type": "type types kind typ art tipo soort",
    "category": "category cat categories genre kategorie categorie categoria rubrique",
    "department": "department dept section aisle sparte abteilung reparto rayon departamento",
    "group": "group grp gruppe groupe grupo gruppo groep cluster",
    "brand": "brand marke marque marca merk make",
    "manufacturer": "manufacturer maker hersteller fabricant fabricante produttore",
    "model": "model modell modele modelo modello devicemodel",
    "platform": "platform plattform plateforme plataforma piattaforma",
    "os": "os operatingsystem betriebssystem osversion osname",
    "error": "error failure fail fehler erreur fallo errore decline",
    "reason": "reason grund motif motivo raison",
    "success": "success successful ok erfolg succeeded reussi exito",
    # money and amounts
    "amount": "amount amt betrag montant importe importo bedrag umsatzbetrag",
    "value": "value val wert valeur valor valore waarde",
    "price": "price preis prix precio prezzo preco prijs",
    "unit": "unit each einzel stück unitario unitaria unitaire einheit stuk",
    "quantity": """quantity qty qta qtd qt cant stk units pieces pcs menge quantite cantidad
        quantita quantidade aantal hoeveelheid qte anz""",
    "count": "count cnt nb anzahl",
    "discount": "discount disc rebate rabatt remise reduction descuento sconto desconto korting nachlass",
    "percent": "percent pct percentage prozent pourcent porcentaje percentuale rate ratio share quote anteil",
    "paid": "paid charged received bezahlt gezahlt paye pagado pagato pago betaald final",
    "net": "net netto netto nett neto",
    "gross": "gross brutto brut bruto lordo original list regular rrp msrp listen",
    "total": "total subtotal sum gesamt summe gesamtbetrag totale totaal",
    "line": "line position zeile",
    "sales": "sales sale turnover umsatz ventes ventas vendite vendas omzet",
    "revenue": "revenue revenues proceeds erlös ricavi ingresos chiffre",
    "spend": "spend spent spending expenditure mnt ausgaben depense gasto spesa",
    "cost": "cost costs cogs kosten cout costo coste custo einkaufspreis wareneinsatz",
    "currency": "currency währung devise moneda valuta moeda",
    "money": "dollar dollars usd eur euro euros gbp pound pounds",
    "tax": "tax vat mwst steuer tva iva btw ust",
    "shipping": "shipping freight postage delivery versand livraison envio spedizione verzend frete porto",
    "payment": "payment financial pay paying zahlung zahlungs paiement pago pagamento betaling betaal tender",
    "method": "method mode means methode metodo forma wijze moyen mittel",
    # when
    "date": "date day datum fecha data dt timestamp tag jour on dated dat dttm",
    "time": "time at datetime zeit uhrzeit heure hora ora tijd zeitpunkt instant",
    "month": "month monat mois mes mese maand quarter quartal",
    "week": "week woche semaine semana settimana weekday wochentag",
    "year": "year jahr annee ano anno jaar yr jahrgang",
    "days": "days hours minutes duration",
    "start": "start starts begin from launch beginn debut inicio inizio since",
    "end": "end ends until to stop ende fin fine einde thru through finish",
    "create": "create created creation erstellt angelegt cree creado creato inserted opened",
    "update": "update updated modified changed geändert modifie",
    "join": """join joined register registered registration signup enrolment enrollment enrolled enroll subscription
        anmeldung registrierung inscription registro iscrizione eintritt membership""",
    "expire": "expire expired expiry expiration ablauf expires",
    "deliver": "deliver delivered shipped ship dispatch dispatched estimated arrival",
    "cancel": "cancel cancelled canceled cancellation storno refund refunded",
    "return": "return returned returns",
    "release": "release released premiere erscheinung sortie estreno uscita",
    # people
    "gender": "gender sex geschlecht sexe sexo genere sesso geslacht genero anrede salutation",
    "birth": "birth geburt geburts naissance nacimiento nascita nascimento geboorte born geboren",
    "age": "age alter edad eta idade leeftijd",
    "band": "band bracket range bucket klasse tranche fascia rango",
    "income": "income salary earnings einkommen gehalt revenu ingreso reddito renda inkomen",
    "city": "city town place locality ort stadt ville ciudad citta cidade stad plaats wohnort",
    "country": "country nation land pays pais paese",
    "region": "region state province estado stato county bundesland provincia regione provincie",
    "postcode": "postcode zip zipcode plz postal codepostal cap",
    "address": "address street strasse straße adresse rue calle via adres direccion indirizzo house",
    "email": "email mail emails correo",
    "phone": "phone telephone telefon telefono tel cell handy",
    "first": "first vorname prenom given",
    "last": "last surname nachname familienname apellido cognome sobrenome",
    "marital": "marital civil familienstand",
    "consent": "consent optin contactable newsletter einwilligung marketing subscribed mailable permission opt",
    "not": "not optout unsubscribed out blocked deleted",
    # campaigns and experiments
    "send": "send sent versendet envoye enviado mailed",
    "contact": "contact contacts contacted kontakt",
    "arm": "arm test variant treatment testgroup",
    "segment": "segment",
    "response": "response responded respond answer antwort reponse respuesta",
    "accept": "accept accepted acceptance",
    "convert": "convert converted conversion",
    "complexity": "complexity komplexität complexite",
    "event": "event holiday feiertag ferie festivo feestdag occasion",
    # what marks a derived figure
    "average": "average avg mean mittel durchschnitt moyenne promedio media",
    "extreme": "min max minimum maximum",
    "previous": "previous prev prior former next",
    "score": "score index rank rating probability prob churn",
    "source": "source medium origin herkunft",
    "recency": "recency frequency monetary tenure clv ltv aov impact",
}
_COMPOUND: dict[str, str] = {
    "sku": "product id", "asin": "product id", "ean": "product id", "gtin": "product id", "isbn": "product id",
    "upc": "product id", "plu": "product id", "dob": "birth date", "birthday": "birth date", "birthdate": "birth date",
    "geburtstag": "birth date", "yob": "birth year", "timestamp": "date time", "datetime": "date time",
    "rrp": "gross price", "msrp": "gross price", "einkaufspreis": "unit cost", "warengruppe": "product category",
    "artikelgruppe": "product category", "listprice": "gross price", "zipcode": "postcode", "vorname": "first name",
    "prenom": "first name", "nachname": "last name", "surname": "last name", "signup": "join date",
    "optin": "consent", "optout": "not consent", "unsubscribed": "not consent", "unsubscribe": "not consent",
    "subtotal": "order total", "since": "start date", "postleitzahl": "postcode", "membership": "join",
    "familienname": "last name", "newsletter": "consent", "revenu": "income",
}  # fmt: skip
"""Words that carry two meanings at once; they go before the single ones."""
_SILENT = frozenset((
    "of", "the", "de", "del", "della", "der", "die", "das", "des", "du", "le", "la", "el", "per", "in", "for", "und",
    "and", "et", "y", "e", "by", "a", "s", "is", "has", "z", "von", "billing",
))  # fmt: skip
_COUNTING = frozenset(("num", "number", "numbers"))
_SIGNS = {"#": " number ", "%": " percent ", "€": " euro ", "$": " dollar ", "£": " pound ", "№": " number "}
_LINKS = ("", "s", "n", "es", "en")
"""Letters between the parts of a German or Dutch compound."""


def _plain(text: str) -> str:
    """Lower case, without accents.

    >>> _plain("Größe"), _plain("Numéro")
    ('grosse', 'numero')
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def _umlauts_spelt_out(text: str) -> str:
    return text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


def _dictionary() -> dict[str, tuple[str, ...]]:
    words: dict[str, tuple[str, ...]] = {}
    for meaning, text in _MEANINGS.items():
        for word in text.split():
            for spelling in {_plain(word), _plain(_umlauts_spelt_out(word))}:
                words.setdefault(spelling, (meaning,))
    words.update({_plain(word): tuple(text.split()) for word, text in _COMPOUND.items()})
    return words


WORDS = _dictionary()
"""Every known word without accents, and what it means."""


@dataclass(frozen=True)
class NameMeaning:
    """What a name says: the meanings of its known words in order, the words that are not known, and spelling doubts."""

    meanings: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    is_misspelt: bool = False


def split_words(name: str) -> tuple[str, ...]:
    """The words of a name, lower case and without accents.

    >>> split_words("InvoiceNo"), split_words("Dt_Customer"), split_words("MntWines2")
    (('invoice', 'no'), ('dt', 'customer'), ('mnt', 'wines', '2'))
    """
    for sign, word in _SIGNS.items():
        name = name.replace(sign, word)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)", " ", name)
    return tuple(word for word in re.split(r"[\W_]+", _plain(spaced)) if word)


@lru_cache(maxsize=4096)
def read_name(name: str) -> NameMeaning:
    """The meaning of a column's name or a file's.

    >>> read_name("InvoiceNo").meanings, read_name("usergender").meanings, read_name("Kundennummer").meanings
    (('order', 'id'), ('customer', 'gender'), ('customer', 'id'))
    >>> read_name("number_of_cds")
    NameMeaning(meanings=('count',), unknown=('cds',), is_misspelt=False)
    """
    words = split_words(name[:200])
    meanings: list[str] = []
    unknown: list[str] = []
    is_misspelt = False
    for place, word in enumerate(words):
        if place == 0 and word in _COUNTING and _counts(words):
            meanings.append("count")
            continue
        if word in _SILENT and len(words) > 1:
            continue
        known = _look_up(word)
        if known is None and (known := _nearly(word)):
            is_misspelt = True
        if known is None:
            unknown.append(word)
        else:
            meanings.extend(known)
    return NameMeaning(tuple(dict.fromkeys(meanings)), tuple(unknown), is_misspelt)


def _counts(words: tuple[str, ...]) -> bool:
    """Whether a leading "num" means "how many" ("number of CDs", "NumWebVisits") rather than an id ("num client")."""
    return len(words) > 1 and (words[1] == "of" or (len(words) > 2 and any(word.endswith("s") for word in words[1:])))


@lru_cache(maxsize=4096)
def _nearly(word: str) -> tuple[str, ...] | None:
    """What a misspelt word means; short words are too easily mistaken for others."""
    close = get_close_matches(word, WORDS, n=1, cutoff=0.88) if len(word) >= 6 else []
    return WORDS[close[0]] if close else None


def _look_up(word: str) -> tuple[str, ...] | None:
    if word in WORDS:
        return WORDS[word]
    for ending in ("s", "es", "n", "en"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and stem in WORDS:
            return WORDS[stem]
    return _take_apart(word)


def _take_apart(word: str) -> tuple[str, ...] | None:
    """Two known words written as one ("orderdate", "bestelldatum"), or None."""
    for cut in range(len(word) - 2, 2, -1):
        tail = word[cut:]
        if tail not in WORDS or (len(tail) < 3 and WORDS[tail] != ("id",)):
            continue
        for link in _LINKS:
            head = word[:cut].removesuffix(link) if link else word[:cut]
            if len(head) >= 3 and head in WORDS:
                return (*WORDS[head], *WORDS[tail])
    return None


def name_score(table: str, column: str, name: str, subject: str = "") -> float:
    """How well a user's name fits a canonical column, from 0 (not at all) to 1 (it could be nothing else).

    Args:
        table: Canonical table.
        column: Canonical column of it.
        name: The user's name.
        subject: What the file is about, where its own name says so ("customer"): it makes a bare "id" clear.

    >>> name_score("lines", "order_id", "InvoiceNo"), name_score("lines", "order_id", "UnitPrice")
    (1.0, 0.0)
    >>> name_score("customers", "customer_id", "id") < name_score("customers", "customer_id", "id", "customer")
    True
    """
    meaning = read_name(name)
    if not meaning.meanings:
        return 0.0
    entity = ENTITY_OF.get(table, "")
    if meaning.meanings == ("id",) and subject and subject == entity and not meaning.unknown:
        return 0.9 if column == f"{entity}_id" else 0.0
    best = max(
        (
            _pattern_score(pattern, weight, meaning, FREE.get(table, frozenset()), column.endswith("_id"))
            for pattern, weight in PATTERNS.get((table, column), ())
        ),
        default=0.0,
    )
    return round(best * (0.85 if meaning.is_misspelt else 1.0), 3)


def _pattern_score(
    pattern: frozenset[str], weight: float, meaning: NameMeaning, free: frozenset[str], is_key: bool
) -> float:
    found = set(meaning.meanings)
    if not pattern <= found:
        return 0.0
    left = found - pattern - free
    is_bare = is_key and len(pattern) == 1
    if is_bare and (left or meaning.unknown or (pattern == {"id"} and found != pattern)):
        return 0.35 * weight  # "product" may be the product's id, "product category" is not
    score = weight - 0.1 * len(left - BLOCKING) - 0.1 * len(meaning.unknown)
    return max(0.0, score * (0.3 if left & BLOCKING else 1.0))


def subject_of(stem: str) -> str:
    """What a file is about, as its own name says: "customer" of `user_logs`, "" where it says nothing.

    The last word that names something decides, as in English ("product orders" are orders).

    >>> subject_of("user_logs"), subject_of("orders_by_customer"), subject_of("2024")
    ('customer', 'order', '')
    """
    stem = re.split(r"(?i)(?<![^\W_])(?:with|by|per)(?![^\W_])", stem)[0]
    known = [meaning for meaning in read_name(stem).meanings if meaning in set(ENTITY_OF.values())]
    return known[-1] if known else ""
