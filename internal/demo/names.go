package demo

import "strings"

// culture is the names and places of a country's people. All of them are common
// ones that were put together for the demo.
type culture struct {
	women, men, families []string
	cities               []string // name and postcode area, separated by a slash
	locale               string
	domains              []string // reserved for examples by RFC 2606
}

// cultureOf returns the culture of a country as the shop's books name it.
func cultureOf(country string) culture {
	switch country {
	case "France", "Belgium":
		return french
	case "Germany", "Austria", "Switzerland":
		return german
	case "Spain", "Portugal", "Italy", "Brazil", "Malta":
		return southern
	case "Norway", "Sweden", "Denmark", "Finland", "Iceland", "Netherlands":
		return northern
	}
	return english
}

var english = culture{
	locale: "en-GB",
	women: strings.Fields(`Olivia Amelia Emily Jessica Sophie Charlotte Hannah Lucy Grace Chloe Megan Laura Rebecca Rachel Sarah Emma
		Katie Alice Eleanor Isabella Freya Harriet Imogen Phoebe Rosie Victoria Zoe Abigail Bethany Catherine Daisy Florence Georgia Heather
		Jane Karen Linda Margaret Nicola Patricia Ruth Susan Tracey Wendy Yvonne Aisha Priya Fatima Niamh Siobhan`),
	men: strings.Fields(`Oliver George Harry Jack Jacob Noah Charlie Thomas Oscar William James Henry Alfie Joshua Samuel Daniel
		Joseph Adam Matthew Luke Andrew Simon Peter Paul Stephen Richard Robert Philip Graham Keith Martin Neil Gareth Rhys Callum Ewan
		Duncan Alistair Connor Liam Patrick Sean Mohammed Imran Arjun Ravi Edward Frederick Arthur Stanley`),
	families: strings.Fields(`Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts
		Green Hall Wood Jackson Clarke Patel Khan Lewis Phillips Mason Mitchell Rose Davis Cooper Hill Ward Turner Carter Morris Baker
		Harris Parker Bennett Cook Bell Murphy Kelly Shaw Collins Richardson Cox Marshall Simpson Ellis Adams Wilkinson Foster Chapman Mills
		Hughes Edwards Stewart Morgan Moore Clark Scott Watson Young Allen King Price Reid Murray Campbell Stevens Gibson Hunter Palmer
		Holmes Rogers Barnes Knight Lloyd Butler Russell Barker Fisher Jenkins Dixon Fletcher Harvey Pearson Howard Armstrong Andrews Ford
		Elliott Hart Bishop Fox Lawrence Burton Payne Newton Ahmed Begum Singh Kaur Hussain`),
	cities: strings.Fields(`London/N1 London/SE5 London/W12 Manchester/M4 Birmingham/B15 Leeds/LS6 Bristol/BS8 Sheffield/S10 Liverpool/L17
		Nottingham/NG7 Leicester/LE2 Cardiff/CF24 Edinburgh/EH9 Glasgow/G12 Belfast/BT9 Newcastle/NE2 Brighton/BN1 Oxford/OX4 Cambridge/CB1
		York/YO31 Exeter/EX4 Norwich/NR2 Reading/RG1 Southampton/SO17 Plymouth/PL4 Bath/BA2`),
	domains: strings.Fields("post.example mail.example inbox.example letters.example"),
}

var french = culture{
	locale: "fr-FR",
	women: strings.Fields(`Camille Manon Léa Chloé Emma Inès Jade Louise Lucie Sarah Mathilde Pauline Marion Julie Anaïs Clara Juliette Alice
		Charlotte Élise Margaux Noémie Océane Zoé Céline Sandrine Nathalie Isabelle Sylvie Catherine Françoise Monique Martine Nicole Valérie
		Sophie Hélène Aurélie Émilie Virginie Stéphanie Delphine Audrey Amélie Claire Agathe Capucine Fatou Yasmine Leïla`),
	men: strings.Fields(`Lucas Hugo Louis Jules Gabriel Arthur Nathan Théo Léo Raphaël Paul Antoine Maxime Alexandre Thomas Clément Baptiste
		Quentin Romain Julien Nicolas Pierre Guillaume Mathieu François Philippe Michel Alain Bernard Jacques Christophe Laurent Sébastien
		Frédéric Olivier Vincent Benoît Cédric Jérôme Yannick Gaël Loïc Rémi Étienne Marc Karim Mehdi Ibrahim Mamadou Bastien`),
	families: strings.Fields(`Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefebvre Leroy Roux David
		Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefèvre Faure André Mercier Blanc Guérin Boyer
		Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry Roussel Mathieu Gautier Masson Marchand
		Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud
		Martinez Gérard Roche Renard Schmitt Roy Leroux Colin Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix Olivier
		Philippe Bourgeois Pierre Benoît Rey Leclerc Payet Rolland Leclercq Guillaume Lecomte Lopez Jean Dupuy`),
	cities: strings.Fields(`Paris/75011 Paris/75018 Lyon/69003 Marseille/13006 Lille/59000 Bordeaux/33000 Nantes/44000 Rennes/35000
		Strasbourg/67000 Toulouse/31000 Montpellier/34000 Nice/06000 Grenoble/38000 Dijon/21000 Angers/49000 Reims/51100 Brest/29200 Tours/37000`),
	domains: strings.Fields("courriel.example poste.example boite.example lettres.example"),
}

var german = culture{
	locale:   "en-GB",
	women:    strings.Fields("Anna Lena Sophie Marie Laura Julia Katharina Sabine Monika Petra Claudia Birgit Heike Susanne Franziska Greta"),
	men:      strings.Fields("Lukas Felix Jonas Paul Maximilian Thomas Stefan Andreas Michael Jürgen Klaus Uwe Markus Sebastian Tobias Karl"),
	families: strings.Fields("Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun"),
	cities:   strings.Fields("Berlin/10115 Hamburg/20095 München/80331 Köln/50667 Wien/1010 Zürich/8001"),
	domains:  strings.Fields("post.example mail.example"),
}

var southern = culture{
	locale:   "en-GB",
	women:    strings.Fields("Maria Lucía Carmen Ana Isabel Giulia Francesca Chiara Sofia Inês Beatriz Mariana Elena Paola Teresa Rosa"),
	men:      strings.Fields("Antonio José Manuel Javier Carlos Marco Luca Giovanni Paolo João Pedro Tiago Miguel Andrea Francesco Rafael"),
	families: strings.Fields("García Fernández González Rodríguez López Rossi Russo Ferrari Bianchi Silva Santos Ferreira Pereira Costa Romano Navarro Molina Ricci Gallo Marques"),
	cities:   strings.Fields("Madrid/28001 Barcelona/08001 Lisboa/1100 Porto/4000 Milano/20121 Roma/00184"),
	domains:  strings.Fields("post.example mail.example"),
}

var northern = culture{
	locale:   "en-GB",
	women:    strings.Fields("Ingrid Astrid Emma Maja Freja Sofie Anneke Sanne Kirsten Liv Elin Karin Aino Helmi Sigrid Lotte"),
	men:      strings.Fields("Erik Lars Nils Anders Jan Pieter Henrik Mikkel Bjørn Olav Sven Jonas Daan Joris Mikko Gunnar"),
	families: strings.Fields("Hansen Johansen Olsen Larsen Andersen Nilsson Karlsson Svensson Jensen Nielsen Virtanen Korhonen Jansen Visser Bakker Berg Lund Dahl Holm Vos"),
	cities:   strings.Fields("Oslo/0150 Stockholm/11122 København/1050 Helsinki/00100 Amsterdam/1012 Utrecht/3511"),
	domains:  strings.Fields("post.example mail.example"),
}

// Words of company names, and what such companies do.
var (
	companyFirst = strings.Fields("Lantern Willow Harbour Cobble Bluebell Copper Ribbon Thistle Marigold Linden Saffron Juniper Orchard Pebble Velvet Clover")
	companyLast  = strings.Fields("Gifts Trading Interiors Stores Boutique Living Emporium Wholesale Market Crafts Imports Home")
	industries   = strings.Fields("retail wholesale hospitality events e-commerce")
)

// letters turns what e-mail addresses are not written with into what they are.
var letters = strings.NewReplacer(
	"à", "a", "â", "a", "ä", "ae", "ã", "a", "á", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "É", "e", "í", "i", "ï", "i", "î", "i",
	"ñ", "n", "ó", "o", "ô", "o", "ö", "oe", "ø", "o", "õ", "o", "ú", "u", "û", "u", "ü", "ue", "ß", "ss", "'", "", " ", "",
)

// plain is a name as it stands in an address.
func plain(name string) string { return strings.ToLower(letters.Replace(name)) }

// base36 writes a number with digits and letters.
func base36(n uint64) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b [16]byte
	i := len(b)
	for {
		i--
		b[i] = digits[n%36]
		if n /= 36; n == 0 {
			return string(b[i:])
		}
	}
}
