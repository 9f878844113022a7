package people

import "strings"

// language is the names of one, more frequent ones first.
type language struct {
	given, last, cities     []string
	stems, middles, endings []string // of further last names
	closed                  bool     // no space between last and given name
	lastFirst               bool
	doubled                 bool // often two last names
}

// weights are the shares of the languages among the people.
var weights = [...]int{16, 10, 10, 10, 8, 8, 6, 4, 5, 7, 3, 6, 4, 3}

var domains = strings.Fields("gmail.com outlook.com yahoo.com icloud.com hotmail.com orange.fr web.de gmx.de wp.pl libero.it mail.ru proton.me free.fr acme.com example.org globex.net initech.co.uk")

// languages are short lists of widespread names and, where last names are made of
// parts, the parts.
var languages = [...]language{
	{ // English
		given:   strings.Fields("James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Margaret Mark Sandra Donald Ashley Steven Kimberly Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah Timothy Stephanie Ronald Rebecca Jason Sharon Edward Laura Jeffrey Cynthia Ryan Dorothy Jacob Amy Nicholas Kathleen Gary Angela Eric Shirley Jonathan Emma Stephen Brenda Larry Pamela Justin Nicole Scott Anna Brandon Samantha Benjamin Katherine Samuel Christine Gregory Helen"),
		last:    strings.Fields("Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Nelson Baker Hall Campbell Mitchell Carter Roberts Phillips Evans Turner Parker Collins Edwards Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks Bennett Gray Hughes Price Myers Foster O'Brien O'Connor McDonald"),
		cities:  strings.Fields("London Manchester Leeds Bristol Dublin Boston Chicago Denver"),
		stems:   strings.Fields("Ash Black Brad Bur Cal Chest Crom Dal Dun East Fair Farn Green Hamp Har Hath Hol Kem Kings Lang Lin Mal Mar New North Oak Ox Pem Ram Red Roch Shel Stan Stoke Thorn Wal West Whit Wind Win Wood"),
		middles: strings.Fields("- er ing le en ")[1:],
		endings: strings.Fields("ton ham ford ley field wood well worth bury by shaw land stead more wick don burn hurst"),
	},
	{ // Spanish
		given: strings.Fields("María José Antonio Carmen Manuel Ana Francisco Isabel Juan Laura David Cristina Javier Marta Daniel Lucía Carlos Elena Miguel Paula Alejandro Raquel Rafael Pilar Pedro Sara Ángel Rosa Pablo Silvia Fernando Mercedes Sergio Teresa Luis Patricia Jorge Beatriz Alberto Rocío Álvaro Irene Diego Sofía Adrián Julia Raúl Nuria Iván Andrea Rubén Alba Enrique Mónica Óscar Inés Andrés Natalia Víctor Verónica Íñigo Begoña"),
		last:  strings.Fields("García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Hernández Ruiz Díaz Moreno Muñoz Álvarez Romero Gutiérrez Alonso Navarro Torres Domínguez Ramos Vázquez Ramírez Gil Serrano Morales Molina Blanco Suárez Castro Ortega Delgado Ortiz Marín Rubio Núñez Medina Sanz Castillo Iglesias Cortés Garrido Santos Guerrero Lozano Cano Cruz Méndez Flores Prieto Herrera Peña León Márquez Cabrera Gallego Calvo Vidal Campos Reyes Vega Fuentes Carrasco Aguilar Caballero Nieto Santana Pascual Herrero Montero Hidalgo Giménez Ibáñez Ferrer Durán Vicente Benítez Arias Carmona Soler Crespo Pastor Sáez Velasco Bravo"), cities: strings.Fields("Madrid Barcelona Sevilla Valencia Málaga Bilbao"), doubled: true,
	},
	{ // French
		given:   strings.Fields("Marie Jean Pierre Nathalie Michel Isabelle André Sylvie Philippe Catherine Alain Françoise Bernard Valérie Nicolas Anne Christophe Céline Julien Sophie Thomas Aurélie Frédéric Émilie Stéphane Camille Laurent Chloé Éric Léa David Manon Olivier Élise Mathieu Hélène Sébastien Zoé François Inès Benoît Noémie Jérôme Maëlle Guillaume Agathe Anaïs Loïc Rémi Gaëlle"),
		last:    strings.Fields("Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefebvre Michel Garcia David Bertrand Roux Vincent Fournier Morel Girard André Lefèvre Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier Faure Rousseau Blanc Guérin Muller Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont Lopez Fontaine Chevalier Robin Masson Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche Roy Noël Meyer Lucas Meunier Jean Pérez Marchand Dufour Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux Colas Hervé Pasquier"),
		cities:  strings.Fields("Paris Lyon Marseille Nantes Lille Orléans"),
		stems:   strings.Fields("Beau Bon Bar Bel Char Cour Cham De Du Fon Gar Gran Lam Le Mar Mon Mont Per Plan Pon Roch Sau Val Ver Vil"),
		middles: strings.Fields("- e i a ne ")[1:],
		endings: strings.Fields("bert champ court dier fort lard let lier lon mont nard nier pré sac seau tier ville vin"),
	},
	{ // German
		given:   strings.Fields("Peter Ursula Michael Monika Thomas Petra Andreas Sabine Wolfgang Renate Klaus Karin Jürgen Brigitte Günter Ingrid Stefan Angelika Christian Andrea Uwe Gabriele Werner Susanne Horst Claudia Frank Birgit Dieter Heike Manfred Stefanie Jörg Christina Matthias Anja Heinz Martina Björn Käthe Lukas Lea Jonas Mia Felix Hannah Maximilian Sophie Götz Änne Jannik Zoë Sören Bärbel"),
		last:    strings.Fields("Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause Meier Lehmann Schmid Schulze Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn Kühn Pohl Engel Horn"),
		cities:  strings.Fields("Berlin Hamburg München Köln Düsseldorf Gießen"),
		stems:   strings.Fields("Alt Berg Blum Bren Bruck Drei Eber Eich Feld Freu Gold Grün Hel Hirsch Hoch Kalt Kirch Lang Linden Mühl Neu Ober Reich Rosen Sand Schön Stein Stern Trau Wald Weiß Wind"),
		middles: strings.Fields("- en er ")[1:],
		endings: strings.Fields("bach berg burg feld hausen heim hofer mann meier müller reuter schmidt stein thal wald"),
	},
	{ // Polish
		given:   strings.Fields("Anna Piotr Maria Krzysztof Katarzyna Andrzej Małgorzata Tomasz Agnieszka Jan Barbara Paweł Ewa Michał Krystyna Marcin Magdalena Jakub Elżbieta Adam Joanna Łukasz Aleksandra Marek Zofia Grzegorz Monika Mateusz Teresa Wojciech Danuta Mariusz Natalia Dariusz Karolina Zbigniew Marta Maciej Beata Rafał Dorota Robert Jadwiga Kamil Alicja Jacek Janina Szymon"),
		last:    strings.Fields("Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur Kwiatkowski Krawczyk Kaczmarek Piotrowski Grabowski Zając Pawłowski Michalski Król Wieczorek Jabłoński Wróbel Nowakowski Majewski Stępień Olszewski Malinowski Jaworski Adamczyk Dudek Nowicki Pawlak Górski Witkowski Walczak Sikora Baran Rutkowski Michalak Szewczyk Ostrowski Tomaszewski"),
		cities:  strings.Fields("Warszawa Kraków Łódź Wrocław Gdańsk Poznań"),
		stems:   strings.Fields("Bar Biel Bor Brz Chm Cz Dom Gaj Gór Jag Kal Kos Kraj Lip Łu Mal Mir Nied Ol Piotr Rad Sado Sos Star Tar Wil Wol Zab Zdan Żur"),
		middles: strings.Fields("o i e ow in ano"),
		endings: strings.Fields("wski cki ński czyk wicz rski wska ńska lak niak"),
	},
	{ // Italian
		given:   strings.Fields("Giuseppe Maria Antonio Anna Giovanni Rosa Mario Angela Luigi Giovanna Francesco Teresa Roberto Lucia Marco Carmela Andrea Caterina Paolo Francesca Salvatore Antonietta Stefano Chiara Alessandro Giulia Matteo Sofia Lorenzo Alice Davide Martina Simone Elisa Niccolò Noemi"),
		last:    strings.Fields("Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Costa Giordano Mancini Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale Lombardo Serra Coppola Marchetti Parisi Villa Conte Ferraro Ferri Fabbri Bianco Marini Grasso Valentini Messina Sala Gatti Pellegrini Palumbo Sanna Farina Rizzi Monti Cattaneo Morelli"),
		cities:  strings.Fields("Roma Milano Napoli Torino Forlì Bologna"),
		stems:   strings.Fields("Bar Ben Ber Bo Cam Can Car Cas Cer Fer Fio Gar Gri Lam Mal Mar Mon Pal Pas Pic Ron Sal San Spa Tas Tor Val Ven Vi Zan"),
		middles: strings.Fields("a e i o an el in"),
		endings: strings.Fields("belli cchi dini gnani letti lli mani netti nelli relli rini soni tini toni velli zzi"),
	},
	{ // Nordic
		given:   strings.Fields("Lars Anna Anders Eva Johan Maria Erik Karin Per Sara Karl Kristina Mikael Lena Jan Emma Peter Linnéa Nils Ingrid Magnus Åsa Søren Bjørn Øystein Gunnar Jørgen Kåre Håkon Märta Björk Þóra Guðrún Sigurður Ólafur"),
		last:    strings.Fields("Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson Hansen Johansen Olsen Larsen Andersen Pedersen Nielsen Jensen Christensen Rasmussen Sørensen Jørgensen Møller Bergström Lindström Lindqvist Sjöberg Åkesson Østergaard Ødegård Bjørnstad Guðmundsson Jónsdóttir Sigurðardóttir"),
		cities:  strings.Fields("Stockholm Oslo København Malmö Århus Tromsø"),
		stems:   strings.Fields("Ahl Berg Björk Blom Dahl Ek Flod Gran Hag Hed Holm Lind Lund Löf Ny Näs Öst Ros Sand Sjö Sten Ström Söder Vik Wester Åker"),
		middles: strings.Fields("- e ")[1:],
		endings: strings.Fields("berg blad borg dahl feldt gren holm lund man mark qvist roth sson stedt ström vall"),
	},
	{ // Turkish
		given: strings.Fields("Mehmet Fatma Mustafa Ayşe Ahmet Emine Ali Hatice Hüseyin Zeynep Hasan Elif İbrahim Meryem Yusuf Şerife Murat Zehra Ömer Sultan Süleyman Hanife Çağla Gülşen Işıl Uğur Özgür"),
		last:  strings.Fields("Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz Özcan Erdoğan Güneş Avcı Yalçın Bulut Keskin Ünal Turan Gül Işık Tekin Yüksel Taş Ateş Aksoy Sarı Aktaş"), cities: strings.Fields("İstanbul Ankara İzmir Bursa"),
		stems: strings.Fields("Ak Al Ar Bal Boz Can De Er Gök Gün Ka Kır Öz Sa Tan Tur Uz Ya Yur"), middles: strings.Fields("a ı e i u"), endings: strings.Fields("bulut can çelik dağ demir han kaya lar oğlu soy taş türk ver yol"),
	},
	{ // Vietnamese
		given: strings.Fields("Anh Bình Châu Dũng Đức Giang Hà Hải Hạnh Hiền Hoa Hùng Hương Khánh Lan Linh Long Mai Minh Nam Nga Ngọc Phương Quang Sơn Thảo Thủy Trang Tuấn Việt"),
		last:  strings.Fields("Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý"), cities: strings.Fields("Huế"), lastFirst: true, doubled: true,
	},
	{ // Russian
		given:   strings.Fields("Александр Елена Сергей Ольга Дмитрий Наталья Андрей Анна Алексей Ирина Максим Татьяна Евгений Мария Иван Светлана Михаил Юлия Николай Екатерина Владимир Людмила Артём Галина Павел Дарья Роман Анастасия Фёдор Ксения Пётр Алёна"),
		last:    strings.Fields("Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев Лебедев Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин Захаров Зайцев Соловьёв Борисов Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов Александров Дмитриев Королёв Гусев Киселёв"),
		cities:  strings.Fields("Москва Казань Самара Тверь"),
		stems:   strings.Fields("Бел Бер Бог Вер Гал Гор Даш Дол Жар Зар Зим Кал Кар Кос Крас Лаз Лук Мал Мат Мир Нос Пан Пет Раз Руб Сав Сид Сол Тар Тих Фил Хар Чер Шир Яр"),
		middles: strings.Fields("о и а е ин ов ен"),
		endings: strings.Fields("в ва нский вский ченко льцев нин нина тьев сов кин гин"),
	},
	{ // Greek
		given: strings.Fields("Γεώργιος Μαρία Δημήτρης Ελένη Κωνσταντίνος Αικατερίνη Ιωάννης Βασιλική Νικόλαος Σοφία Χρήστος Αγγελική Παναγιώτης Γεωργία Βασίλης Δήμητρα Θανάσης Ιωάννα Σπύρος Άννα"),
		last:  strings.Fields("Παπαδόπουλος Παππάς Καραγιάννης Βλάχος Ιωαννίδης Οικονόμου Παπαγεωργίου Μακρής Κωνσταντινίδης Δημόπουλος Γεωργίου Νικολαΐδης Αντωνίου Αγγελόπουλος Χριστοδούλου Αλεξίου Σταυρόπουλος Θεοδώρου Μιχαηλίδης Κυριακίδης"), cities: strings.Fields("Αθήνα Θεσσαλονίκη Πάτρα"),
		stems: strings.Fields("Αναστα Βασιλ Γιανν Δημητρ Ζαχαρ Ηλι Θεοφ Καλογ Κοντ Λαμπρ Μαυρ Μπακ Παπα Ραλλ Σαμαρ Τζαν Φωτ Χατζη"), middles: strings.Fields("α ι ο ά ί"), endings: strings.Fields("κης δης πουλος τος νης λης ράς νος"),
	},
	{ // Chinese
		given: strings.Fields("伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 建国 志强 晓明 雪梅 文博 子涵 雨桐 浩然 欣怡 梓轩 思远 佳琪 天宇 海燕 春花 国栋 丽华 玉兰 俊杰 婷婷 建华 志远 小红"),
		last:  strings.Fields("王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 梁 郑 谢 宋 唐 许 邓 韩 冯 曹 彭 曾 肖 田 董 潘 袁 蔡 蒋 余 于 杜 叶 程 魏 苏 吕 丁 任 卢 姚 沈 钟 姜 崔 谭 陆 范 汪 廖 石 金 欧阳 司马 诸葛"), cities: strings.Fields("北京 上海 广州 成都"), closed: true, lastFirst: true,
	},
	{ // Japanese
		given: strings.Fields("太郎 花子 健一 美咲 翔太 陽菜 大輔 由美子 拓也 さくら 直樹 恵子 和也 裕子 隆 久美子 誠 智子 学 明美 健太 愛 一郎 真由美 大翔 結衣 蓮 葵 悠真 凛 ひなた タケシ"),
		last:  strings.Fields("佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水 山崎 森 池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本"), cities: strings.Fields("東京 大阪 京都 札幌"), lastFirst: true,
	},
	{ // Korean
		given: strings.Fields("민준 서연 도윤 서윤 예준 지우 시우 하은 주원 민서 지호 하윤 준서 윤서 건우 지민 현우 채원 우진 수아 선우 지아 영수 영희 철수 미경 정호 은주 성민 혜진"),
		last:  strings.Fields("김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 전 홍 고 문 양 손 배 백 허 유 남궁"), cities: strings.Fields("서울 부산 대구"), closed: true, lastFirst: true,
	},
}
